"""Sends and receipts as an edge asks for them from a thread: checked, then through the lanes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from therapyconnect.accounts.policies import check_own_id
from therapyconnect.accounts.principal import Principal
from therapyconnect.core.errors import NotFound
from therapyconnect.core.ids import parse_chat_id, parse_message_id
from therapyconnect.messaging.policies.content import check_attached, check_content, check_reply
from therapyconnect.messaging.policies.payloads import replaced_prescription
from therapyconnect.messaging.services.engine import ask
from therapyconnect.messaging.services.requests import (
    Advance,
    Advanced,
    Outcome,
    ReceiptKind,
    Send,
    Sent,
)

Reply = Callable[[Outcome], None]


def build_send(
    *,
    sender: Principal,
    chat_id: str,
    text: str,
    message_type: str,
    emergency: bool,
    reply_to: str | None,
    client_message_id: str | None,
    attachment_id: str | None,
    payload: dict[str, Any] | None,
    reply: Reply,
    origin: object = None,
) -> Send:
    """A `Send` whose content was checked and whose sender takes part in the chat it names.

    Whether that chat exists, and lets this sender send now, is judged in the batch.
    """
    pair = parse_chat_id(chat_id)
    if pair is None or sender.id not in pair:
        raise NotFound()
    check_content(
        role=sender.role,
        text=text,
        message_type=message_type,
        client_message_id=client_message_id,
        attachment_id=attachment_id,
        payload=payload,
    )
    return Send(
        chat_id=chat_id,
        sender_id=sender.id,
        text=text,
        message_type=message_type,
        emergency=emergency,
        reply_to=check_reply(reply_to, chat_id),
        client_message_id=client_message_id,
        payload=payload,
        replaces=replaced_prescription(message_type, payload),
        attachment=check_attached(attachment_id, chat_id),
        reply=reply,
        origin=origin,
    )


def send_message(*, sender: Principal, **content: Any) -> Sent:
    """Write one message; returns once it is on disk."""
    sent = ask(lambda reply: build_send(sender=sender, reply=reply, **content))
    assert isinstance(sent, Sent)
    return sent


def mark_message(*, reader: Principal, message_id: str, kind: ReceiptKind) -> Advanced:
    """Move the reader's horizon up to and including a message of the other participant's."""
    ref = parse_message_id(message_id)
    if ref is None:
        raise NotFound()
    return _advance(reader, ref.chat_id, kind, ref.seq, message=True)


def mark_all_read(*, reader: Principal, chat_id: str, up_to_seq: int | None) -> Advanced:
    """Move the reader's read horizon to `up_to_seq`, or as far as the chat goes."""
    return _advance(reader, chat_id, "read", up_to_seq, message=False)


def _advance(
    reader: Principal, chat_id: str, kind: ReceiptKind, up_to: int | None, *, message: bool
) -> Advanced:
    pair = parse_chat_id(chat_id)
    if pair is None or reader.id not in pair:
        raise NotFound()
    advanced = ask(
        lambda reply: Advance(chat_id, reader.id, kind, up_to, reply=reply, message=message)
    )
    assert isinstance(advanced, Advanced)
    return advanced


def check_identity(caller: Principal, *claimed: str | None, attr: str) -> None:
    """Who is calling comes from the token; a different id in the request is refused."""
    check_own_id(caller.id, *claimed, attr=attr)
