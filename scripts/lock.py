"""Writes the hashed lock files from the `.in` files; `make lock`.

Pins that still fit stay. Upgrade all with `make lock ARGS=--upgrade`, or one with
`make lock ARGS="--upgrade-package django"`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = Path(sys.prefix, "bin", "uv")

# Universal: one lock for every platform and every Python from the oldest on. No header and no
# index lines: a lock says what, not from where or by whom.
OPTIONS = (
    "--universal",
    "--generate-hashes",
    "--python-version=3.11",
    "--no-header",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--quiet",
)


def main(arguments: list[str]) -> int:
    """Compile each; 0, or the first status that is not."""
    for name, constraints in (
        ("requirements-uv", []),
        # For who has no Node: what builds the web client.
        ("requirements-node", []),
        ("requirements", []),
        # The tests run on what the server runs on.
        ("requirements-dev", ["--constraint=requirements.txt"]),
        # The twin runs on the same Django, driver and server as the product.
        ("requirements-bench", ["--constraint=requirements.txt"]),
    ):
        command = [str(UV), "pip", "compile", *OPTIONS, *constraints, *arguments]
        done = subprocess.run(
            [*command, f"--output-file={name}.txt", f"{name}.in"], cwd=ROOT, check=False
        )
        if done.returncode != 0:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
