"""What both kinds of socket do: read frames, ask of the lanes, answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from therapyconnect.accounts.outside.access import verify_access_async
from therapyconnect.accounts.principal import Principal, principal_of, require_enrolled
from therapyconnect.core.errors import DomainError, Invalid, NotFound, Unauthenticated
from therapyconnect.core.hub import Typing
from therapyconnect.core.ids import parse_chat_id, parse_message_id
from therapyconnect.crisis.requests import says_emergency
from therapyconnect.messaging.policies.standing import refusal_to_reach
from therapyconnect.messaging.selectors.access import access_chat
from therapyconnect.messaging.selectors.happenings import Happening
from therapyconnect.messaging.services.changing import build_delete, build_edit
from therapyconnect.messaging.services.engine import receipt_of
from therapyconnect.messaging.services.requests import (
    Advance,
    Advanced,
    Change,
    Changed,
    Outcome,
    ReceiptKind,
    Sent,
)
from therapyconnect.messaging.services.sending import build_send, check_identity
from therapyconnect.messaging.shapes import EventType
from therapyconnect.realtime import frames
from therapyconnect.realtime.consumers.resumer import Resumer
from therapyconnect.realtime.events import Arrival, Origin
from therapyconnect.realtime.flood import Flood
from therapyconnect.realtime.frames import Ref

HEARTBEAT_SECONDS: Final = 20
MAX_IN_FLIGHT: Final = 256

Receive = Callable[[], Awaitable[Any]]


class Consumer(Resumer):
    """One socket of one user. Runs on the loop; nothing here blocks or waits for a reader."""

    def __init__(self, *, throttled: bool, **common: Any) -> None:
        super().__init__(**common)
        self._flood = Flood(time.monotonic()) if throttled else None
        self._in_flight = 0
        self._room: asyncio.Event | None = None

    # --- what a subclass decides --------------------------------------------------------------

    def chat_of(self, asked: frames.Asked) -> str:
        """The chat that a frame is about, or a refusal."""
        raise NotImplementedError

    async def resume(self, asked: frames.ResumeAsked) -> None:
        raise NotImplementedError

    # --- the loop -----------------------------------------------------------------------------

    async def run(self, receive: Receive) -> None:
        """Read frames until the socket ends."""
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return
            text: str | None = event.get("text")
            raw: bytes = event.get("bytes") or b""
            verdict = self._flood.judge(time.monotonic()) if self._flood is not None else "pass"
            if verdict == "close":
                self.close(1008, "flood")
                return
            # A call for help is not refused for what was sent before it: it has its own limit.
            if verdict == "refuse" and not (text is not None and self._calls(text)):
                self.say(frames.flood_refusal(text, on_user_socket=self.on_user_socket))
            elif text is None:
                refusal = frames.ErrorSaid(code="binary_frame", message="Frames are text.")
                refusal.crisis_resources = self.crisis_resources(self._calls(raw))
                self.say(refusal)
            else:
                await self._read(text)

    def _calls(self, frame: str | bytes) -> bool:
        """Whether a frame that was not read may be a patient's emergency."""
        if self.principal.role != "patient":
            return False
        return says_emergency(
            frame if isinstance(frame, bytes) else frame.encode("utf-8", "replace")
        )

    async def _read(self, text: str) -> None:
        try:
            asked = frames.decode.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            refusal = frames.refusal_of(text)
            refusal.crisis_resources = self.crisis_resources(self._calls(text))
            self.say(refusal)
            return
        await self._handle(asked)

    async def _handle(self, asked: frames.Asked) -> None:
        ref = asked.ref
        chat_id: str | UnsetType = UNSET
        try:
            check_identity(self.principal, asked.user_id, attr="user_id")
            if isinstance(asked, frames.PingAsked):
                self.say(frames.PongSaid(ref=ref if ref is not None else UNSET))
            elif isinstance(asked, frames.AuthenticateAsked):
                await self._authenticate(asked)
            elif isinstance(asked, frames.ResumeAsked):
                await self.resume(asked)
            else:
                named = self.chat_of(asked)
                chat_id = self.scope_of(named)
                if isinstance(asked, frames.ChatMessageAsked):
                    await self._send(asked, named)
                elif isinstance(asked, (frames.MessageEditedAsked, frames.MessageDeletedAsked)):
                    await self._amend(asked, named)
                elif isinstance(asked, frames.TypingAsked):
                    await self._type(asked, named)
                elif isinstance(asked, frames.MessageReadAsked):
                    await self._advance(asked, named, "read")
                elif isinstance(asked, frames.MessageDeliveredAsked):
                    await self._advance(asked, named, "delivered")
        except Exception as error:
            self.refuse(error, ref, chat_id, emergency=getattr(asked, "emergency", False))

    # --- what a client asks -------------------------------------------------------------------

    async def _send(self, asked: frames.ChatMessageAsked, chat_id: str) -> None:
        check_identity(self.principal, asked.sender_id, attr="sender_id")
        ref = asked.ref

        def answered(outcome: Outcome) -> None:
            self._leave_flight()
            if isinstance(outcome, DomainError):
                self.refuse(outcome, ref, self.scope_of(chat_id), emergency=asked.emergency)
            elif isinstance(outcome, Sent) and not outcome.created:
                # Created ones are acked by the stream, in their place in the order.
                self._answer(Happening.created(outcome.message), outcome, ref)

        send = build_send(
            sender=self.principal,
            chat_id=chat_id,
            text=asked.text,
            message_type=asked.message_type,
            emergency=asked.emergency,
            reply_to=asked.reply_to,
            client_message_id=asked.client_message_id,
            attachment_id=asked.attachment_id,
            payload=asked.payload,
            reply=answered,
            origin=Origin(self, ref),
        )
        await self._enter_flight()
        self.engine.submit(send)

    async def _amend(
        self, asked: frames.MessageEditedAsked | frames.MessageDeletedAsked, chat_id: str
    ) -> None:
        named = parse_message_id(asked.message_id)
        if named is None or named.chat_id != chat_id:
            raise NotFound("message_id")
        ref = asked.ref

        def answered(outcome: Outcome) -> None:
            self._leave_flight()
            if isinstance(outcome, DomainError):
                self.refuse(outcome, ref, self.scope_of(chat_id))
            elif isinstance(outcome, Changed) and not outcome.happenings:
                self._answer(_unchanged(asked, outcome), outcome, ref)

        common: dict[str, Any] = {
            "caller": self.principal,
            "message_id": asked.message_id,
            "reply": answered,
            "origin": Origin(self, ref),
        }
        change: Change
        if isinstance(asked, frames.MessageEditedAsked):
            change = build_edit(text=asked.text, **common)
        else:
            change = build_delete(**common)
        await self._enter_flight()
        self.engine.submit(change)

    def _answer(self, happening: Happening, outcome: Sent | Changed, ref: Ref | None) -> None:
        """Answer what took no number, with what was there already."""
        self.tell(Arrival(happening, outcome.chat, answer=outcome), Origin(self, ref))

    async def _advance(
        self,
        asked: frames.MessageReadAsked | frames.MessageDeliveredAsked,
        chat_id: str,
        kind: ReceiptKind,
    ) -> None:
        if (asked.message_id is None) == (asked.seq is None):
            raise Invalid("invalid", "Give message_id or seq.", "message_id")
        up_to = asked.seq
        if asked.message_id is not None:
            named = parse_message_id(asked.message_id)
            if named is None or named.chat_id != chat_id:
                raise NotFound("message_id")
            up_to = named.seq
        ref = asked.ref

        def answered(outcome: Outcome) -> None:
            self._leave_flight()
            if isinstance(outcome, DomainError):
                self.refuse(outcome, ref, self.scope_of(chat_id))
            elif isinstance(outcome, Advanced) and (outcome.moved or ref is not None):
                self._say_receipt(receipt_of(outcome), ref)

        advance = Advance(
            chat_id,
            self.user_id,
            kind,
            up_to,
            reply=answered,
            message=asked.message_id is not None,
            origin=self,
        )
        await self._enter_flight()
        self.engine.submit(advance)

    async def _type(self, asked: frames.TypingAsked, chat_id: str) -> None:
        stream = self.hub.stream(chat_id)
        if stream is None or stream.bar is not None:  # new and silent so far, none, or barred
            access = await self.engine.read(access_chat(viewer=self.principal, chat_id=chat_id))
            refusal = refusal_to_reach(access.standing.bar)
            if refusal is not None:
                raise refusal
            self.hub.reopen(chat_id)
        self.hub.type(Typing(chat_id, self.user_id, asked.is_typing))

    async def _authenticate(self, asked: frames.AuthenticateAsked) -> None:
        """Take a fresh token of the same session; the socket then lives as long as that one."""
        claims = await verify_access_async(asked.token)
        if (claims.user_id, claims.session_id) != (self.user_id, self.principal.session_id):
            raise Unauthenticated()
        principal = await self.engine.read(principal_of(claims))
        require_enrolled(principal)
        self.principal = principal

    # --- how much may be in flight ------------------------------------------------------------

    async def _enter_flight(self) -> None:
        """Wait while this socket has too much in flight; the reader then stops, and TCP with it."""
        while self._in_flight >= MAX_IN_FLIGHT:
            self._room = asyncio.Event()
            await self._room.wait()
        self._in_flight += 1

    def _leave_flight(self) -> None:
        self._in_flight -= 1
        if self._room is not None:
            self._room.set()
            self._room = None


def own_chat(principal: Principal, chat_id: str | None) -> str:
    """`chat_id`, where its name says that the caller may take part in it; else not found."""
    if chat_id is None:
        raise Invalid("required", "On this socket each frame names its chat.", "chat_id")
    if principal.id not in (parse_chat_id(chat_id) or ()):
        raise NotFound("chat_id")
    return chat_id


def _unchanged(asked: frames.Asked, outcome: Changed) -> Happening:
    """What an amendment that changed nothing is answered with: the latest event of its message."""
    message = outcome.message
    assert message is not None
    edited = isinstance(asked, frames.MessageEditedAsked)
    kind: EventType = "message_edited" if edited else "message_deleted"
    return Happening(message.changed_seq, kind, message.timestamp, message.sender_id, message)
