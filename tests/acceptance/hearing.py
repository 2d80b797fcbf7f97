"""What a device hears, written down; and what of it answers what it asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterable
from typing import Any, Literal

from tests.acceptance.clients import BUSY, Run, person
from tests.acceptance.finals import horizons_of
from tests.acceptance.records import (
    Advancing,
    Attempt,
    Changing,
    Kind,
    Life,
    Overheard,
    Sending,
    Told,
    ToldChange,
    What,
    now,
)
from tests.harness.server import Pair

EVENTS = ("chat_message", "new_message", "emergency_message")
CHANGES = ("message_edited", "message_deleted", "message_restored")
OTHERS = ("chat_updated", "emergency_flagged", "hidden")
Asked = Sending | Advancing | Changing | Attempt


class Hearer:
    """The ears of one person's device; `have` is up to where it has everything of each chat."""

    def __init__(
        self, run: Run, name: str, pairs: list[Pair], side: str, kind: Literal["chat", "user"]
    ) -> None:
        self.run, self.name, self.pairs, self.kind = run, name, pairs, kind
        self.user_id, self._token = person(pairs[0], side)
        self.dice = run.random(name)
        self.have = {pair.chat_id: run.begins.get(pair.chat_id, 0) for pair in pairs}
        self._chats = {pair.chat_id: pair for pair in pairs}
        self._unknown: dict[str, tuple[str, str]] = {}
        """key -> (chat, text) of what was asked and not answered."""
        self._asked: dict[str, Asked] = {}
        self._changing: set[str] = set()
        """Refs of changes that this socket has not answered."""
        self._life: Life
        self._resumes: set[str] = set()
        self._soon: dict[str, float] = {}

    async def _hear(self, socket: AsyncIterable[str | bytes]) -> None:
        async for text in socket:
            frame: dict[str, Any] = json.loads(text)
            self._listen_for_others(str(text), frame)
            chat_id = frame.get("chat_id") or self.pairs[0].chat_id
            kind = frame["type"]
            if kind in EVENTS:
                self._hear_message(chat_id, frame)
            elif kind in CHANGES:
                self._hear_change(chat_id, frame)
            elif kind in OTHERS:
                self._life.note("event", chat_id, frame["seq"])
                self._has(chat_id, frame["seq"])
            elif kind == "connection_established":
                if self.kind == "chat":
                    self._life.note("greeted", chat_id, frame["last_seq"])
            elif kind == "resumed" and frame.get("gap") and chat_id in self._chats:
                self._begin_afresh(chat_id)
            elif kind == "resumed" and chat_id in self._chats:
                pair = self._chats[chat_id]
                seqs = horizons_of(frame["receipts"], pair.therapist_id, pair.patient_id)
                self._life.note("resumed", chat_id, frame["last_seq"], None, seqs)
                self._resumes.discard(chat_id)
            elif kind in ("message_read_receipt", "message_delivered_receipt"):
                self._hear_receipt(chat_id, frame, "read" if "read" in kind else "delivered")
            elif kind == "error":
                self._hear_error(chat_id, frame)

    def _hear_message(self, chat_id: str, frame: dict[str, Any]) -> None:
        told = Told.of(frame["message"])
        asked = self._asked.get(frame.get("ref", ""))
        what: What = "event"
        if isinstance(asked, Sending):
            what = "answer" if asked.retry else "ack"
            asked.ack(told)
            self._unknown.pop(asked.key, None)
            self.run.said[(chat_id, asked.sender_id)].append(told.id)
        self._life.note(what, chat_id, told.seq, told)
        self._has(chat_id, told.seq)

    def _hear_change(self, chat_id: str, frame: dict[str, Any]) -> None:
        seq = frame["seq"]
        asked = self._asked.get(frame.get("ref", ""))
        what: What = "event"
        if isinstance(asked, Changing):
            # A delete of what is deleted changes nothing, and tells of what did.
            what = "ack" if asked.kind == "edit" else "answer"
            asked.ack(seq)
            self._changing.discard(frame["ref"])
        told = Told.of(frame["message"]) if "message" in frame else None
        change = ToldChange(frame["type"], frame["message_id"], frame.get("new_text"))
        self._life.note(what, chat_id, seq, told, change=change)
        self._has(chat_id, seq)

    def _has(self, chat_id: str, seq: int) -> None:
        if chat_id in self.have and seq == self.have[chat_id] + 1:
            self.have[chat_id] = seq

    def _begin_afresh(self, chat_id: str) -> None:
        """The cursor can't be trusted, as after a restore: have nothing, and ask for all of it."""
        self._life.note("broken", chat_id, 0)
        if not self.run.restored or self.have[chat_id] == 0:
            self.run.broke("a resume was told a gap")
        self.have[chat_id] = 0
        raise EOFError("the client begins anew")

    def _listen_for_others(self, text: str, frame: dict[str, Any]) -> None:
        """Note what is about a chat that is not this user's; a refusal may name what was asked."""
        named = frame.get("chat_id")
        if named is not None and frame["type"] != "error" and not is_in(self.user_id, named):
            self.run.history.overheard.append(Overheard(self.user_id, named, frame["type"]))
        others = [chat_id for chat_id in self.run.begins if not is_in(self.user_id, chat_id)]
        for chat_id in self.run.held(text, others):
            self.run.history.overheard.append(Overheard(self.user_id, chat_id, frame["type"]))

    def _hear_receipt(self, chat_id: str, frame: dict[str, Any], kind: Kind) -> None:
        asked = self._asked.get(frame.get("ref", ""))
        if isinstance(asked, Advancing):
            # The answer to one's own: it tells of what was asked, not of where the horizon is.
            asked.end("acked")
            return
        self._life.note(
            "receipt", chat_id, frame["seq"], None, {(frame["user_id"], kind): frame["seq"]}
        )

    def _hear_error(self, chat_id: str, frame: dict[str, Any]) -> None:
        code, ref = frame["code"], frame.get("ref")
        asked = self._asked.get(ref or "")
        if ref == "resume":
            self._life.note("broken", chat_id, 0)
            if code not in BUSY:
                self.run.broke(f"a resume was refused: {code}")
            raise EOFError("the client begins anew")
        if isinstance(asked, Attempt):
            asked.answer = code
            return
        if code in BUSY:
            if isinstance(asked, Sending):
                wait = self.dice.uniform(0.1, 0.5) + (frame.get("retry_after") or 0) * (
                    code in ("throttled", "rate_limited")
                )
                self._soon[asked.key] = now() + wait
            elif isinstance(asked, Changing):
                self._changing.discard(ref or "")
            return
        if isinstance(asked, Sending):
            asked.refuse(code)
            self._unknown.pop(asked.key, None)
            self.run.broke(f"a send was refused: {code}")
        elif isinstance(asked, Advancing):
            asked.end("refused", code)
            if not asked.future or code != "beyond_last_seq":
                self.run.broke(f"a receipt was refused: {code}")
        elif isinstance(asked, Changing):
            self._changing.discard(ref or "")
            self.run.refused(asked, code)
        else:
            self.run.broke(f"an error: {code}")


def is_in(user_id: str, chat_id: str) -> bool:
    """Whether a chat is one of the user's, by its name: `CHAT_<therapist>_<patient>`."""
    return chat_id.startswith(f"CHAT_{user_id}_") or chat_id.endswith(f"_{user_id}")
