"""A defective twin of the server: it stores text as it came. `test_stolen_database` must see it."""

from __future__ import annotations

import sys

from therapyconnect.cli import main
from therapyconnect.vault import cipher


def unsealed(self: cipher.Cipher, value: bytes, *, table: str, column: str, row: str) -> bytes:
    return b"\x01\x00\x01" + b"n" * 12 + value + b"t" * 16


def opened(self: cipher.Cipher, sealed: bytes, *, table: str, column: str, row: str) -> bytes:
    return bytes(sealed)[15:-16]


if __name__ == "__main__":
    cipher.Cipher.seal = unsealed  # type: ignore[method-assign]
    cipher.Cipher.open = opened  # type: ignore[method-assign]
    sys.exit(main(["manage.py", "run"]))
