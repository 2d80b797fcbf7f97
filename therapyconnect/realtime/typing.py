"""Who is typing. Known here only; what is not renewed ends after five seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from therapyconnect.core.hub import Typing

EXPIRES_SECONDS: Final = 5.0


class TypingBoard:
    def __init__(self, expired: Callable[[Typing], None]) -> None:
        self._expired = expired
        self._timers: dict[tuple[str, str], asyncio.TimerHandle] = {}

    def note(self, typing: Typing) -> bool:
        """Whether this is worth telling: typing is (each time), a stop only where one typed."""
        key = (typing.chat_id, typing.user_id)
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
        if typing.is_typing:
            loop = asyncio.get_running_loop()
            self._timers[key] = loop.call_later(EXPIRES_SECONDS, self._expire, key)
            return True
        return timer is not None

    def _expire(self, key: tuple[str, str]) -> None:
        self._timers.pop(key, None)
        self._expired(Typing(key[0], key[1], False))
