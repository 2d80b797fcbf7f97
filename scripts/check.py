"""`make check`: format, lint, types, import contracts, migrations and documents in step."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
PATHS = ["therapyconnect", "tests", "bench", "scripts", "clients", "manage.py"]

CHECKS: list[tuple[str, list[str]]] = [
    ("format", [str(BIN / "ruff"), "format", "--check", *PATHS]),
    ("lint", [str(BIN / "ruff"), "check", *PATHS]),
    ("types", [str(BIN / "mypy")]),
    ("imports", [str(BIN / "lint-imports")]),
    (
        "migrations",
        [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run",
         "vault", "accounts", "attachments", "notifications",
         "messaging"],
    ),
    (
        "api document",
        [sys.executable, "manage.py", "spectacular", "--validate", "--fail-on-warn",
         "--file", os.devnull],
    ),
    (
        "sockets' document",
        [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c",
         "from therapyconnect.realtime.asyncapi import document\n"
         "document(host='localhost', secure=True)"],
    ),
    (
        "types of the client",
        [sys.executable, "clients/typescript/scripts/generate.py", "--check"],
    ),
    ("system", [sys.executable, "manage.py", "check", "--fail-level", "WARNING"]),
]  # fmt: skip


def main() -> int:
    """Run every check; 1 where any of them fails."""
    failed = []
    with tempfile.TemporaryDirectory(prefix="tc-check-") as data:
        env = {**os.environ, "THERAPYCONNECT_DATA": data, "THERAPYCONNECT_MODE": "demo"}
        env.pop("THERAPYCONNECT_KEYS", None)
        for name, command in CHECKS:
            done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
            print(f"{'ok  ' if done.returncode == 0 else 'FAIL'} {name}", flush=True)
            if done.returncode:
                failed.append(name)
                print((done.stdout + done.stderr)[-6000:])
    print(f"{len(CHECKS) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
