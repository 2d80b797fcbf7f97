"""The words of a notification, sealed: bound to its id, its user and the column."""

from __future__ import annotations

from typing import Final, Literal

from therapyconnect.accounts.keys import key_ring
from therapyconnect.vault import box

Column = Literal["title", "body"]
_PURPOSE: Final = "notification"


def seal_words(text: str, *, id: str, user_id: str, column: Column) -> bytes:
    return box.seal(key_ring(), _PURPOSE, text.encode(), bound=_bound(id, user_id, column))


def open_words(sealed: bytes, *, id: str, user_id: str, column: Column) -> str:
    """The text, or `SealBroken` where the value was altered or moved."""
    return box.unseal(key_ring(), _PURPOSE, sealed, bound=_bound(id, user_id, column)).decode()


def _bound(id: str, user_id: str, column: Column) -> str:
    return f"{id}\x1f{user_id}\x1f{column}"
