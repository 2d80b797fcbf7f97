"""What both kinds of socket share: the loop over frames, answers, replay."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Final

import msgspec
import structlog
from msgspec import UNSET, UnsetType

from therapyconnect.accounts.principal import (
    PRINCIPAL_SQL,
    Principal,
    principal_from_row,
    principal_params,
    require_enrolled,
)
from therapyconnect.accounts.tokens import verify_access
from therapyconnect.core.errors import DomainError, Invalid, NotFound, Unauthenticated, Unavailable
from therapyconnect.core.hub import ReceiptMoved, Typing
from therapyconnect.core.ids import parse_chat_id, parse_message_id, role_of
from therapyconnect.core.queries import Query, Reading
from therapyconnect.core.rest.errors import translate
from therapyconnect.messaging.selectors.access import access_chat
from therapyconnect.messaging.selectors.events import resume
from therapyconnect.messaging.services.engine import Engine, receipt_of
from therapyconnect.messaging.services.requests import (
    Advance,
    Advanced,
    Outcome,
    ReceiptKind,
    Sent,
)
from therapyconnect.messaging.services.sending import build_send, check_identity
from therapyconnect.messaging.shapes import Receipts
from therapyconnect.realtime import frames
from therapyconnect.realtime.events import Arrival, Origin
from therapyconnect.realtime.flood import Flood
from therapyconnect.realtime.frames import Ref, Said, encode
from therapyconnect.realtime.hub import GOING_AWAY, MemoryHub
from therapyconnect.serving.push import PushChannel

log = structlog.get_logger("therapyconnect.realtime")

HEARTBEAT_SECONDS: Final = 20
REPLAY_PAGE: Final = 200
MAX_IN_FLIGHT: Final = 256
REPLAY_PAUSE_BYTES: Final = 256 * 1024

Receive = Callable[[], Awaitable[Any]]


class Consumer:
    """One socket of one user. Runs on the loop; nothing here blocks or waits for a reader."""

    on_user_socket: ClassVar[bool]

    def __init__(
        self,
        *,
        principal: Principal,
        push: PushChannel,
        engine: Engine,
        hub: MemoryHub,
        throttled: bool,
    ) -> None:
        self.principal = principal
        self.user_id = principal.id
        self.push = push
        self.engine = engine
        self.hub = hub
        self.established = False
        self._flood = Flood(time.monotonic()) if throttled else None
        self._in_flight = 0
        self._room: asyncio.Event | None = None
        # A chat's events up to here came in a replay; a late push of one of them is dropped.
        self._floors: dict[str, int] = {}
        self._replaying: str | None = None
        # Pushes of that chat meanwhile, by number; the replay reads them from the database.
        self._withheld: dict[int, Arrival] = {}
        # Receipts said meanwhile: `resumed` must not say less than they did.
        self._said_meanwhile: list[ReceiptMoved] = []

    # --- what a subclass decides --------------------------------------------------------------

    def chat_of(self, asked: frames.Asked) -> str:
        """The chat that a frame is about, or a refusal."""
        raise NotImplementedError

    async def resume(self, asked: frames.ResumeAsked) -> None:
        raise NotImplementedError

    def frame_of(self, arrival: Arrival, ref: Ref | None) -> bytes:
        raise NotImplementedError

    def scope_of(self, chat_id: str) -> str | UnsetType:
        """The `chat_id` that a frame of this socket carries: none on a chat socket."""
        return chat_id if self.on_user_socket else UNSET

    # --- the loop -----------------------------------------------------------------------------

    async def run(self, receive: Receive) -> None:
        """Read frames until the socket ends."""
        while True:
            event = await receive()
            if event["type"] == "websocket.disconnect":
                return
            if self._flood is not None:
                verdict = self._flood.judge(time.monotonic())
                if verdict == "close":
                    self.close(1008, "flood")
                    return
                if verdict == "refuse":
                    self._refuse_flood()
                    continue
            text = event.get("text")
            if text is None:
                self.say(frames.ErrorSaid(code="binary_frame", message="Frames are text."))
                continue
            try:
                asked = frames.decode.decode(text)
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                self.say(frames.refusal_of(text))
                continue
            await self._handle(asked)

    def _refuse_flood(self) -> None:
        self.say(frames.ErrorSaid(code="rate_limited", message="Too many frames.", retry_after=1))

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
                elif isinstance(asked, frames.TypingAsked):
                    await self._type(asked, named)
                elif isinstance(asked, frames.MessageReadAsked):
                    await self._advance(asked, named, "read")
                elif isinstance(asked, frames.MessageDeliveredAsked):
                    await self._advance(asked, named, "delivered")
        except Exception as error:
            self.refuse(error, ref, chat_id)

    # --- what a client asks -------------------------------------------------------------------

    async def _send(self, asked: frames.ChatMessageAsked, chat_id: str) -> None:
        check_identity(self.principal, asked.sender_id, attr="sender_id")
        ref = asked.ref

        def answered(outcome: Outcome) -> None:
            self._leave_flight()
            if isinstance(outcome, DomainError):
                self.refuse(outcome, ref, self.scope_of(chat_id))
            elif isinstance(outcome, Sent) and not outcome.created:
                # Created ones are acked by the stream, in their place in the order.
                self.push.send(self.frame_of(Arrival(outcome.message), ref))

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
        if self.hub.stream(chat_id) is None:  # new and silent so far, or none at all
            await self.engine.read(access_chat(viewer=self.principal, chat_id=chat_id))
        self.hub.type(Typing(chat_id, self.user_id, asked.is_typing))

    async def _authenticate(self, asked: frames.AuthenticateAsked) -> None:
        """Take a fresh token of the same session; the socket then lives as long as that one."""
        claims = verify_access(asked.token)
        if (claims.user_id, claims.session_id) != (self.user_id, self.principal.session_id):
            raise Unauthenticated()
        principal = await self.engine.read(principal_of(claims))
        require_enrolled(principal)
        self.principal = principal

    async def replay(self, chat_id: str, after_seq: int, ref: Ref | None) -> None:
        """Say everything after `after_seq`, in order, until the stream has nothing newer.

        Pushes of this chat wait for the end of the replay, which reads them from the database.
        """
        self._replaying = chat_id
        try:
            done, receipts = await self._replay_events(chat_id, after_seq)
            for receipt in self._said_meanwhile:
                _include(receipt, receipts)
            self._floors[chat_id] = max(done, self._floors.get(chat_id, 0))
            self.say(
                frames.ResumedSaid(
                    last_seq=done,
                    receipts=receipts,
                    chat_id=self.scope_of(chat_id),
                    ref=ref if ref is not None else UNSET,
                )
            )
        except Exception as error:
            self.refuse(error, ref, self.scope_of(chat_id))
            if not isinstance(error, DomainError) or isinstance(error, Unavailable):
                # Broken off in the middle: what came next would leave a hole behind it.
                self.close(GOING_AWAY, "resume")
        finally:
            self._replaying = None
            withheld, self._withheld = self._withheld, {}
            self._said_meanwhile.clear()
        # Covered by the replay unless it was refused; then they are news, in their order.
        for arrival in withheld.values():
            self.arrive(arrival)

    async def _replay_events(self, chat_id: str, after_seq: int) -> tuple[int, Receipts]:
        """Say the events; the number reached, and the chat's receipts."""
        done = after_seq
        while True:
            page = await self.engine.read(
                resume(viewer=self.principal, chat_id=chat_id, after_seq=done, limit=REPLAY_PAGE)
            )
            for event in page.events:
                pushed = self._withheld.pop(event.seq, None)
                own = pushed.ref_for(self) if pushed is not None else None
                self.push.send(self.frame_of(Arrival(event.message), own))
                done = event.seq
            stream = self.hub.stream(chat_id)
            if done >= page.last_seq and (stream is None or done >= (stream.last or 0)):
                return done, page.receipts
            while self.push.pending_bytes > REPLAY_PAUSE_BYTES and not self.push.closed:
                await asyncio.sleep(0.01)

    # --- what a client hears ------------------------------------------------------------------

    def arrive(self, arrival: Arrival) -> None:
        if not self.established:
            return
        ref = arrival.ref_for(self)
        if self._replaying == arrival.chat_id:
            self._withheld[arrival.seq] = arrival
            return
        if arrival.seq > self._floors.get(arrival.chat_id, 0) or ref is not None:
            self.push.send(self.frame_of(arrival, ref))

    def hear_receipt(self, receipt: ReceiptMoved) -> None:
        if self.established and receipt.origin is not self:
            self._say_receipt(receipt, None)

    def hear_typing(self, typing: Typing) -> None:
        if self.established:
            self.say(
                frames.TypingIndicatorSaid(
                    user_id=typing.user_id,
                    is_typing=typing.is_typing,
                    chat_id=self.scope_of(typing.chat_id),
                )
            )

    def _say_receipt(self, receipt: ReceiptMoved, ref: Ref | None) -> None:
        if self._replaying == receipt.chat_id:
            self._said_meanwhile.append(receipt)
        common: dict[str, Any] = {
            "message_id": receipt.message_id,
            "seq": receipt.seq,
            "user_id": receipt.reader_id,
            "chat_id": self.scope_of(receipt.chat_id),
            "ref": ref if ref is not None else UNSET,
        }
        if receipt.kind == "read":
            self.say(frames.MessageReadReceiptSaid(read_at=receipt.at, **common))
        else:
            self.say(frames.MessageDeliveredReceiptSaid(delivered_at=receipt.at, **common))

    def say(self, said: Said) -> None:
        self.push.send(encode(said))

    def refuse(self, error: Exception, ref: Ref | None, chat_id: str | UnsetType = UNSET) -> None:
        """Answer with an error frame; what is not a refusal is logged, and says nothing."""
        domain = translate(error)
        if domain is None:
            log.error("socket.broke", exc_info=error)
            code, detail, retry_after = "server_error", "The server made a mistake.", None
        else:
            code, detail, retry_after = domain.code, domain.detail, domain.retry_after
        self.say(
            frames.ErrorSaid(
                code=code,
                message=detail,
                ref=ref if ref is not None else UNSET,
                chat_id=chat_id,
                retry_after=retry_after if retry_after is not None else UNSET,
            )
        )

    def close(self, code: int, reason: str = "") -> None:
        self.push.close(code, reason)

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


def principal_of(claims: Any) -> Reading[Principal]:
    """The caller that verified claims name, checked against the database."""
    rows = yield Query(PRINCIPAL_SQL, principal_params(claims))
    return principal_from_row(claims, rows[0] if rows else None)


def _include(receipt: ReceiptMoved, receipts: Receipts) -> None:
    """Raise the horizons to what a receipt said; read implies delivered."""
    own = receipts.therapist if role_of(receipt.reader_id) == "therapist" else receipts.patient
    own.delivered_seq = max(own.delivered_seq, receipt.seq)
    if receipt.kind == "read":
        own.read_seq = max(own.read_seq, receipt.seq)


def own_chat(principal: Principal, chat_id: str | None) -> str:
    """`chat_id`, where its name says that the caller may take part in it; else not found."""
    if chat_id is None:
        raise Invalid("required", "On this socket each frame names its chat.", "chat_id")
    if principal.id not in (parse_chat_id(chat_id) or ()):
        raise NotFound("chat_id")
    return chat_id
