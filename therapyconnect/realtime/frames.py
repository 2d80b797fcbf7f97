"""Every frame, defined once: these types validate, encode, and make the AsyncAPI document.

A client's frame may carry `ref`, echoed in its answer, and on the user socket names its chat.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from therapyconnect.attachments.shapes import Attachment
from therapyconnect.core.clock import At
from therapyconnect.crisis.resources import CrisisResource
from therapyconnect.messaging.shapes import (
    ChatDetail,
    ClientMessageId,
    EmergencyAlert,
    Message,
    Receipts,
    SentKind,
    Seq,
    Text,
)
from therapyconnect.notifications.shapes import Notification

Ref = Annotated[str, Meta(max_length=128)] | int
Snake = "snake_case"


def _tag(name: str) -> str:
    """`ChatMessage` -> `chat_message`; the suffixes that keep the classes apart are dropped."""
    name = name.removesuffix("Asked").removesuffix("Said")
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


class Asked(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag=_tag):
    """From a client."""

    ref: Ref | None = None
    chat_id: str | None = None
    user_id: str | None = None


class ChatMessageAsked(Asked, kw_only=True):
    """Send a message. The ack is a `chat_message` with the same `ref`."""

    text: Text
    message_type: SentKind = "text"
    emergency: bool = False
    reply_to: str | None = None
    client_message_id: ClientMessageId | None = None
    attachment_id: str | None = None
    payload: dict[str, Any] | None = None
    sender_id: str | None = None


class TypingAsked(Asked, kw_only=True):
    """Tell the other participant that one writes, or no more. Not kept, and not answered."""

    is_typing: bool


class MessageDeliveredAsked(Asked, kw_only=True):
    """Move the delivered horizon to a message, or to a number."""

    message_id: str | None = None
    seq: Seq | None = None


class MessageReadAsked(Asked, kw_only=True):
    """Move the read horizon to a message, or to a number."""

    message_id: str | None = None
    seq: Seq | None = None


class MessageEditedAsked(Asked, kw_only=True):
    """Give a message other words. The answer is the `message_edited` with the same `ref`."""

    message_id: str
    text: Text


class MessageDeletedAsked(Asked, kw_only=True):
    """Take a message away; it can be restored."""

    message_id: str


class ResumeAsked(Asked, kw_only=True):
    """Replay what came after a number: `after_seq` on a chat socket, `chats` on a user socket."""

    after_seq: Seq | None = None
    chats: dict[str, Seq] | None = None


class AuthenticateAsked(Asked, kw_only=True):
    """A fresh token of the same session, before the old one expires."""

    token: str


class PingAsked(Asked, kw_only=True):
    """Ask for a sign of life: a `pong` with the same `ref`."""


AnyAsked = (
    ChatMessageAsked
    | TypingAsked
    | MessageDeliveredAsked
    | MessageReadAsked
    | MessageEditedAsked
    | MessageDeletedAsked
    | ResumeAsked
    | AuthenticateAsked
    | PingAsked
)


class Said(msgspec.Struct, kw_only=True, tag_field="type", tag=_tag):
    """From the server. `chat_id` is there on the user socket, `ref` in an answer."""

    chat_id: str | UnsetType = UNSET
    ref: Ref | UnsetType = UNSET


class ConnectionEstablishedSaid(Said, kw_only=True):
    """The greeting, first on every socket. A chat socket hears every event after `last_seq`."""

    user_id: str
    last_seq: int | UnsetType = UNSET
    heartbeat_seconds: int


class ChatMessageSaid(Said, kw_only=True):
    """A message; to the socket that sent it, with its `ref`, the ack.

    The two last fields answer a patient's emergency: whom to call, and what became of the alert.
    """

    message: Message | msgspec.Raw
    crisis_resources: list[CrisisResource] | UnsetType = UNSET
    emergency_alert: EmergencyAlert | UnsetType | None = UNSET


class NewMessageSaid(Said, kw_only=True):
    """The other's message, on a user socket. `notify` is false where its reader muted the chat."""

    message: Message | msgspec.Raw
    sender_name: str
    notify: bool = True


class EmergencyMessageSaid(Said, kw_only=True):
    """The other's urgent message, on a user socket: to be told, also where the chat is muted."""

    message: Message | msgspec.Raw
    sender_name: str


class MessageEditedSaid(Said, kw_only=True):
    """Other words; `new_text` is null where still later ones replaced them."""

    message_id: str
    new_text: str | None
    edited_at: At | None
    seq: int
    payload: dict[str, Any] | UnsetType | None = UNSET


class MessageDeletedSaid(Said, kw_only=True):
    """A message was taken away. `deleted_at` is null where it has been restored since."""

    message_id: str
    deleted_at: At | None
    seq: int


class MessageRestoredSaid(Said, kw_only=True):
    """A deleted message is back, as it stands now."""

    message_id: str
    message: Message
    seq: int


class EmergencyFlaggedSaid(Said, kw_only=True):
    """A message was marked urgent after it was sent."""

    message_id: str
    seq: int


class EmergencyUpdatedSaid(Said, kw_only=True):
    """An alert has a new state: only what has truly happened."""

    emergency_alert: EmergencyAlert


class AttachmentUpdatedSaid(Said, kw_only=True):
    """A file has a new state: to its uploader, and to the other once a message carries it."""

    attachment: Attachment


class ChatUpdatedSaid(Said, kw_only=True):
    """Status, room or permissions changed: the chat as it stands now."""

    chat: ChatDetail
    seq: int


class HiddenSaid(Said, kw_only=True):
    """The place of what its reader may not see."""

    seq: int


class NotificationSaid(Said, kw_only=True):
    """A notification of the user's own, on their user sockets."""

    notification: Notification


class PresenceSaid(Said, kw_only=True):
    """The other participant came or went."""

    user_id: str
    online: bool


class MessageReadReceiptSaid(Said, kw_only=True):
    """Somebody read up to `seq`. `message_id` is the newest message covered, null where none is."""

    message_id: str | None
    seq: int
    user_id: str
    read_at: At


class MessageDeliveredReceiptSaid(Said, kw_only=True):
    """A device has everything up to `seq`. `message_id` is the newest message covered."""

    message_id: str | None
    seq: int
    user_id: str
    delivered_at: At


class TypingIndicatorSaid(Said, kw_only=True):
    """The other participant writes, or no more; it expires by itself after five seconds."""

    user_id: str
    is_typing: bool


class ResumedSaid(Said, kw_only=True):
    """The replay is complete. `gap` true: it could not be; fetch afresh."""

    last_seq: int
    receipts: Receipts
    gap: bool = False


class ErrorSaid(Said, kw_only=True):
    """What was asked was refused. A refused emergency is told whom to call instead."""

    code: str
    message: str
    retry_after: int | UnsetType = UNSET
    crisis_resources: list[CrisisResource] | UnsetType = UNSET


class PongSaid(Said, kw_only=True):
    """The answer to a `ping`."""


decode: msgspec.json.Decoder[AnyAsked] = msgspec.json.Decoder(AnyAsked)
_encoder = msgspec.json.Encoder()
encode = _encoder.encode


class _RefOnly(msgspec.Struct):
    ref: Ref | None = None
    type: str | None = None
    chat_id: str | None = None


_ref_decoder = msgspec.json.Decoder(_RefOnly)
TYPES = frozenset(str(kind.__struct_config__.tag) for kind in AnyAsked.__args__)


def refusal_of(text: str) -> ErrorSaid:
    """The error frame for a frame that did not decode, with its `ref` where one can be read."""
    try:
        partial = _ref_decoder.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        try:
            msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            return ErrorSaid(code="invalid_json", message="A frame is one JSON object.")
        return ErrorSaid(
            code="invalid_frame",
            message="A frame is one JSON object; ref is a short text or a number.",
        )
    ref = partial.ref if partial.ref is not None else UNSET
    if partial.type not in TYPES:
        return ErrorSaid(code="unknown_type", message="No such frame type.", ref=ref)
    return ErrorSaid(code="invalid_frame", message="A field is missing or wrong.", ref=ref)


def flood_refusal(text: str | None, *, on_user_socket: bool) -> ErrorSaid:
    """The error frame for a frame that was one too many, with its `ref` where one can be read."""
    refusal = ErrorSaid(code="rate_limited", message="Too many frames.", retry_after=1)
    try:
        partial = _ref_decoder.decode(text or "")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return refusal
    if partial.ref is not None:
        refusal.ref = partial.ref
    if on_user_socket and partial.chat_id is not None:
        refusal.chat_id = partial.chat_id
    return refusal
