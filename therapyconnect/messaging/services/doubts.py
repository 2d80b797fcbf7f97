"""Which chats' alerts may have changed with nobody told: a commit's answer was lost."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, NamedTuple

LOOK_BACK: Final = timedelta(seconds=60)
"""What is in doubt was dated that long ago at most: before its commit, and the wait for it."""
LOOK_ON: Final = timedelta(seconds=60)
"""So long after its answer was lost a commit may still come through."""


class _Doubt(NamedTuple):
    since: datetime
    until: datetime


class Doubts:
    """Noted by the engine, looked after by the sweep; on the engine's loop only."""

    def __init__(self) -> None:
        self._doubts: dict[str, _Doubt] = {}

    def note(self, chat_ids: Iterable[str], *, now: datetime) -> None:
        for chat_id in chat_ids:
            held = self._doubts.get(chat_id)
            since = now - LOOK_BACK if held is None else held.since
            self._doubts[chat_id] = _Doubt(since, now + LOOK_ON)

    @property
    def chat_ids(self) -> list[str]:
        return sorted(self._doubts)

    @property
    def since(self) -> datetime:
        """From when on anything of these chats is in doubt; there must be one."""
        return min(doubt.since for doubt in self._doubts.values())

    def looked(self, at: datetime) -> None:
        """The chats were read at that moment: drop those to which nothing more can happen."""
        self._doubts = {
            chat_id: doubt for chat_id, doubt in self._doubts.items() if doubt.until >= at
        }
