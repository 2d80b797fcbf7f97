"""What a socket hears: events in their order, receipts, typing, presence, answers, refusals."""

from __future__ import annotations

from typing import Any, ClassVar

import structlog
from msgspec import UNSET, UnsetType

from therapyconnect.accounts.principal import Principal
from therapyconnect.core.hub import AlertChanged, AttachmentChanged, Notified, ReceiptMoved, Typing
from therapyconnect.core.rest.errors import translate
from therapyconnect.crisis.selectors import known_resources
from therapyconnect.messaging.selectors.messages import see
from therapyconnect.messaging.services.engine import Engine
from therapyconnect.messaging.shapes import sent_message
from therapyconnect.realtime import frames
from therapyconnect.realtime.events import Arrival, Origin
from therapyconnect.realtime.frames import Ref, Said, encode
from therapyconnect.realtime.hub import MemoryHub
from therapyconnect.serving.push import PushChannel

log = structlog.get_logger("therapyconnect.realtime")


class Listener:
    """One socket of one user, as the hub knows it. Nothing here blocks or waits for a reader."""

    on_user_socket: ClassVar[bool]

    def __init__(
        self, *, principal: Principal, push: PushChannel, engine: Engine, hub: MemoryHub
    ) -> None:
        self.principal = principal
        self.user_id = principal.id
        self.push = push
        self.engine = engine
        self.hub = hub
        self.established = False
        # How it was closed before it was open: then it closes as soon as it is.
        self._doom: tuple[int, str] | None = None
        # A chat's events up to here came in a replay; a late push of one of them is dropped.
        self._floors: dict[str, int] = {}
        self._replaying: str | None = None
        # Pushes of that chat meanwhile, by number; the replay reads them from the database.
        self._withheld: dict[int, Arrival] = {}
        # Receipts said meanwhile: `resumed` must not say less than they did.
        self._said_meanwhile: list[ReceiptMoved] = []

    def scope_of(self, chat_id: str) -> str | UnsetType:
        """The `chat_id` that a frame of this socket carries: none on a chat socket."""
        return chat_id if self.on_user_socket else UNSET

    def arrive(self, arrival: Arrival) -> None:
        if not self.established:
            return
        if self._replaying == arrival.chat_id:
            self._withheld[arrival.seq] = arrival
            return
        asked = arrival.asked_by(self)
        floor = self._floors.get(arrival.chat_id, 0) if self._floors else 0
        if asked is not None or arrival.seq > floor:
            self.tell(arrival, asked)

    def tell(self, arrival: Arrival, asked: Origin | None) -> None:
        """Say an event; where this socket asked for it, as the answer."""
        if asked is None:
            told = arrival.frames_for(self.user_id, on_user_socket=self.on_user_socket)
        else:
            extras = self._extras(arrival)
            if asked.ref is None and not extras and arrival.plain:
                told = arrival.frames_for(self.user_id, on_user_socket=self.on_user_socket)
            else:
                told = arrival.answer_for(
                    self.user_id, on_user_socket=self.on_user_socket, ref=asked.ref, extras=extras
                )
        for frame in told:
            self.push.send(frame)

    def _extras(self, arrival: Arrival) -> dict[str, Any]:
        """What only the sender of an emergency is told: whom to call, what became of the alert."""
        answer, message = arrival.answer, arrival.happening.message
        if message is None or not message.emergency or self.principal.role != "patient":
            return {}
        if arrival.happening.type != "message_created" or answer is None:
            return {}
        extras: dict[str, Any] = {
            "crisis_resources": known_resources(self.user_id),
            "emergency_alert": answer.alert,
        }
        # The message is what REST would answer, so it has both too.
        seen = see(message, chat=arrival.chat, viewer_id=self.user_id)
        return {**extras, "message": sent_message(seen, **extras)}

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

    def hear_presence(self, chat_id: str, user_id: str, online: bool) -> None:
        if self.established:
            self.say(
                frames.PresenceSaid(user_id=user_id, online=online, chat_id=self.scope_of(chat_id))
            )

    def hear_alert(self, change: AlertChanged) -> None:
        if self.established:
            self.say(
                frames.EmergencyUpdatedSaid(
                    emergency_alert=change.alert, chat_id=self.scope_of(change.chat_id)
                )
            )

    def hear_attachment(self, change: AttachmentChanged) -> None:
        if self.established:
            self.say(
                frames.AttachmentUpdatedSaid(
                    attachment=change.attachment, chat_id=self.scope_of(change.chat_id)
                )
            )

    def hear_notification(self, notified: Notified) -> None:
        if self.established:
            self.say(frames.NotificationSaid(notification=notified.notification))

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

    def refuse(
        self,
        error: Exception,
        ref: Ref | None,
        chat_id: str | UnsetType = UNSET,
        *,
        emergency: bool = False,
    ) -> None:
        """Answer with an error frame; what is not a refusal is logged, and says nothing.

        A patient whose emergency is refused is told whom to call instead.
        """
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
                crisis_resources=self.crisis_resources(emergency),
            )
        )

    def crisis_resources(self, emergency: bool) -> Any:
        """What the refusal of an emergency carries; nothing else does."""
        if not emergency or self.principal.role != "patient":
            return UNSET
        return known_resources(self.user_id)

    def greet(self, greeting: Said) -> None:
        """Say the first frame; from now on this socket hears what happens."""
        self.established = True
        self.say(greeting)
        if self._doom is not None:
            self.push.close(*self._doom)

    def close(self, code: int, reason: str = "") -> None:
        if not self.established:
            self._doom = (code, reason)
        self.push.close(code, reason)
