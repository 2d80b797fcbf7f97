"""Data keys in use: made with a chat, unwrapped once, kept in memory.

The rows are read by whoever holds a connection (a lane, a view); this module says what to read
and turns the rows into a `Cipher`, so that there is one way of doing it.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from therapyconnect.vault.cipher import Cipher
from therapyconnect.vault.errors import KeyMissing
from therapyconnect.vault.keyring import KEY_BYTES, KeyRing

SELECT_SQL: Final = (
    "SELECT chat_id, version, wrapped, wrapped_by FROM vault_datakey WHERE chat_id = ANY(%s)"
)
INSERT_SQL: Final = (
    "INSERT INTO vault_datakey (chat_id, version, wrapped, wrapped_by, created_at)"
    " VALUES (%s, %s, %s, %s, now()) ON CONFLICT DO NOTHING"
)

DataKeyRow = Sequence[object]
_CACHE_CHATS: Final = 20_000


class CipherStore:
    """The ciphers of this process: bounded, least recently used first out.

    A data key is never deleted while rows depend on it and never changes, so an entry can't be
    wrong; a version added by another process is fetched when it is first met.
    """

    def __init__(self, ring: KeyRing, *, limit: int = _CACHE_CHATS) -> None:
        self.ring = ring
        self._limit = limit
        self._ciphers: OrderedDict[str, Cipher] = OrderedDict()

    def get(self, chat_id: str) -> Cipher | None:
        cipher = self._ciphers.get(chat_id)
        if cipher is not None:
            with suppress(KeyError):  # another thread just evicted it; ours is still good
                self._ciphers.move_to_end(chat_id)
        return cipher

    def missing(self, chat_ids: Iterable[str]) -> list[str]:
        return [chat_id for chat_id in chat_ids if chat_id not in self._ciphers]

    def add(self, rows: Iterable[DataKeyRow]) -> None:
        """Take up rows of `SELECT_SQL`."""
        by_chat: dict[str, dict[int, bytes]] = {}
        for chat_id, version, wrapped, wrapped_by in rows:
            assert isinstance(chat_id, str)
            assert isinstance(version, int)
            assert isinstance(wrapped_by, int)
            by_chat.setdefault(chat_id, {})[version] = self.ring.unwrap(
                bytes(wrapped),  # type: ignore[call-overload]
                bound=_bound(chat_id, version),
                version=wrapped_by,
            )
        for chat_id, keys in by_chat.items():
            self._ciphers[chat_id] = Cipher(chat_id, keys)
        while len(self._ciphers) > self._limit:
            self._ciphers.popitem(last=False)

    def require(self, chat_id: str) -> Cipher:
        cipher = self.get(chat_id)
        if cipher is None:
            raise KeyMissing("a chat has no data key")
        return cipher


def new_data_key(ring: KeyRing, chat_id: str) -> tuple[str, int, bytes, int]:
    """The parameters of `INSERT_SQL` for a chat's first data key."""
    version = 1
    wrapped, wrapped_by = ring.wrap(secrets.token_bytes(KEY_BYTES), bound=_bound(chat_id, version))
    return chat_id, version, wrapped, wrapped_by


def _bound(chat_id: str, version: int) -> bytes:
    return f"vault_datakey\x1f{chat_id}\x1f{version}".encode()
