"""Where the outgoing queue is kept: in memory, in a file, or wherever the caller says."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from therapyconnect_client.errors import StoreInUse

T = TypeVar("T")


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message that is not known to have arrived. `number` is its place among all."""

    number: int
    user_id: str
    chat_id: str
    client_message_id: str
    body: dict[str, Any]

    @property
    def key(self) -> tuple[str, str]:
        """By which the server knows it, of this sender."""
        return self.chat_id, self.client_message_id

    def __repr__(self) -> str:
        return f"<Outgoing {self.number} {self.chat_id} {self.client_message_id}>"


class Store(Protocol):
    """Keeps messages until they have arrived. What `add` returned from must survive a crash."""

    async def load(self) -> list[Outgoing]:
        """Everything that was added and not removed."""

    async def add(self, item: Outgoing) -> None: ...

    async def remove(self, item: Outgoing) -> None: ...


class MemoryStore:
    """Keeps nothing beyond the process."""

    def __init__(self) -> None:
        self._items: dict[tuple[str, tuple[str, str]], Outgoing] = {}

    async def load(self) -> list[Outgoing]:
        return list(self._items.values())

    async def add(self, item: Outgoing) -> None:
        self._items[item.user_id, item.key] = item

    async def remove(self, item: Outgoing) -> None:
        self._items.pop((item.user_id, item.key), None)


class FileStore:
    """A small file (SQLite) that only its owner may read, on disk before `add` returns.

    It holds what somebody wrote, in the clear, until it has arrived: put it on an encrypted disk.
    What is removed is overwritten. One process at a time: `StoreInUse` for the second.
    """

    def __init__(self, path: str | Path) -> None:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        os.chmod(path, 0o600)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
        self._turn = asyncio.Lock()
        try:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._db.execute("PRAGMA secure_delete = ON")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute(
                "CREATE TABLE IF NOT EXISTS outgoing"
                " (user_id TEXT, chat_id TEXT, id TEXT, item BLOB,"
                " PRIMARY KEY (user_id, chat_id, id))"
            )
            self._db.execute("BEGIN EXCLUSIVE")
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self._db.close()
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            raise StoreInUse from None

    async def load(self) -> list[Outgoing]:
        rows = await self._run("SELECT item FROM outgoing")
        return [msgspec.json.decode(row[0], type=Outgoing) for row in rows]

    async def add(self, item: Outgoing) -> None:
        await self._run(
            "INSERT OR REPLACE INTO outgoing VALUES (?, ?, ?, ?)",
            item.user_id, *item.key, msgspec.json.encode(item),
        )  # fmt: skip

    async def remove(self, item: Outgoing) -> None:
        await self._run(
            "DELETE FROM outgoing WHERE user_id = ? AND chat_id = ? AND id = ?",
            item.user_id, *item.key,
        )  # fmt: skip

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    async def _run(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        def work() -> list[tuple[Any, ...]]:
            return self._db.execute(statement, values).fetchall()

        async with self._turn:
            # Once begun it is done, also where whoever asked for it is gone.
            return await asyncio.shield(asyncio.to_thread(work))
