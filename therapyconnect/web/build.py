"""The built client: which files there are, in which encodings, and until when they are good."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

INDEX: Final = "index.html"
ASSETS: Final = "/assets/"
"""Below it each name holds a hash of what is inside: the same name is the same file, for ever."""

ENCODINGS: Final = {".br": "br", ".gz": "gzip"}
"""What the build puts beside a file, the best first."""

TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}


@dataclass(frozen=True)
class Held:
    """One file, whole: a few dozen of them are all there is."""

    content_type: str
    cache_control: str
    bodies: Mapping[str, bytes]
    """By content coding; `identity` is always there."""
    etags: Mapping[str, str]


class Build:
    """The first of `folders` that holds a build. One that is made anew is taken up by itself."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._seen: tuple[Path, int, int] | None = None
        self._files: dict[str, Held] = {}

    def file(self, path: str) -> Held | None:
        """What `path` of a URL is; only what was in the build when it was read, so no path leads
        anywhere else."""
        if path == "/" or self._seen is None:
            self._look()
        return self._files.get(path)

    def _look(self) -> None:
        """Read the build where it is another than the one that is held."""
        for folder in self._folders:
            try:
                stat = (folder / INDEX).stat()
                seen = (folder, stat.st_ino, stat.st_mtime_ns)
                if seen != self._seen:
                    # What a page that is still open asks for later is kept.
                    old = {n: held for n, held in self._files.items() if n.startswith(ASSETS)}
                    self._files = {**old, **dict(_files(folder))}
                    self._seen = seen
                return
            except OSError:  # not there, or just being replaced
                continue
        if self._seen is not None and not self._seen[0].exists():
            self._seen, self._files = None, {}


def _files(folder: Path) -> Iterator[tuple[str, Held]]:
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if not file.is_file() or file.suffix in ENCODINGS or name.startswith("."):
            continue
        path = "/" if name == INDEX else f"/{name}"
        yield path, _held(file, for_ever=path.startswith(ASSETS))


def _held(file: Path, *, for_ever: bool) -> Held:
    bodies = {}
    for suffix, coding in ENCODINGS.items():
        beside = file.with_name(file.name + suffix)
        if beside.is_file():
            bodies[coding] = beside.read_bytes()
    bodies["identity"] = file.read_bytes()
    return Held(
        content_type=TYPES.get(file.suffix, "application/octet-stream"),
        cache_control="public, max-age=31536000, immutable" if for_ever else "no-cache",
        bodies=bodies,
        etags={c: f'"{hashlib.sha256(b).hexdigest()[:24]}"' for c, b in bodies.items()},
    )
