"""The other processes, as this one knows them: who lives, and who is on each.

A node that was not heard of for ten seconds is taken for dead, and nobody is on it any more: so a
crash leaves no ghost. Each beat carries a sum over the node's users; where it differs from what is
known here, the whole list is asked for.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from therapyconnect.realtime.notes import BeatNote, PresentNote

DEAD_SECONDS: Final = 10.0

Changed = Callable[[str, str, bool], None]
"""`changed(node, user_id, online)`"""


class Roll:
    """Who is on one node, with a sum that two sides can compare."""

    def __init__(self) -> None:
        self.users: set[str] = set()
        self.digest = 0

    def add(self, user_id: str) -> bool:
        if user_id in self.users:
            return False
        self.users.add(user_id)
        self.digest ^= zlib.crc32(user_id.encode())
        return True

    def discard(self, user_id: str) -> bool:
        if user_id not in self.users:
            return False
        self.users.discard(user_id)
        self.digest ^= zlib.crc32(user_id.encode())
        return True

    def agrees(self, beat: BeatNote) -> bool:
        return (beat.users, beat.digest) == (len(self.users), self.digest)


@dataclass(slots=True)
class _Node:
    heard: float
    roll: Roll = field(default_factory=Roll)
    generation: int = -1
    parts: dict[int, list[str]] = field(default_factory=dict)


class Nodes:
    """On the loop only."""

    def __init__(self, changed: Changed) -> None:
        self._changed = changed
        self._nodes: dict[str, _Node] = {}

    def hear(self, node: str, now: float) -> None:
        """Something came from that node."""
        known = self._nodes.get(node)
        if known is None:
            self._nodes[node] = _Node(now)
        else:
            known.heard = now

    def note(self, node: str, user_id: str, *, online: bool) -> None:
        roll = self._nodes[node].roll
        if roll.add(user_id) if online else roll.discard(user_id):
            self._changed(node, user_id, online)

    def agrees(self, node: str, beat: BeatNote) -> bool:
        return self._nodes[node].roll.agrees(beat)

    def take(self, node: str, part: PresentNote) -> None:
        """A part of a list; once all are here, it is who is there."""
        known = self._nodes[node]
        if part.generation != known.generation:
            known.generation, known.parts = part.generation, {}
        known.parts[part.part] = part.user_ids
        if len(known.parts) == part.parts:
            there = {user_id for users in known.parts.values() for user_id in users}
            known.parts = {}
            self._become(node, there)

    def lose(self, node: str) -> None:
        if node in self._nodes:
            self._become(node, ())
            del self._nodes[node]

    def hear_all(self, now: float) -> None:
        for known in self._nodes.values():
            known.heard = now

    def expire(self, now: float) -> None:
        for node in [n for n, known in self._nodes.items() if now - known.heard > DEAD_SECONDS]:
            self.lose(node)

    def _become(self, node: str, there: Iterable[str]) -> None:
        there = set(there)
        known = self._nodes[node].roll.users
        for user_id in known - there:
            self.note(node, user_id, online=False)
        for user_id in there - known:
            self.note(node, user_id, online=True)
