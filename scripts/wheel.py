"""Builds the web client, then the Python wheel that holds it, into `dist/`; `make wheel`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: list[str]) -> int:
    """0, or the first status that is not. `arguments` go to the builder (`-d FOLDER`)."""
    for command in (
        ["scripts/web.py"],
        ["-m", "hatchling", "build", "-t", "wheel", *arguments],
    ):
        done = subprocess.run([sys.executable, *command], cwd=ROOT, check=False)
        if done.returncode != 0:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
