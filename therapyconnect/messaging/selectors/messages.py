"""Messages as their readers see them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from therapyconnect.accounts.principal import Principal
from therapyconnect.attachments.selectors import (
    ATTACHED_COLUMNS,
    ATTACHED_JOIN,
    attached_fields,
)
from therapyconnect.core.errors import NotFound
from therapyconnect.core.ids import MessageRef, parse_message_id
from therapyconnect.core.pagination import DEFAULT_LIMIT, Limit
from therapyconnect.core.queries import Query, Reading, Row
from therapyconnect.messaging.policies.history import can_see, without_hidden_quote
from therapyconnect.messaging.policies.receipts import read_status
from therapyconnect.messaging.selectors.access import ChatAccess, access_chat
from therapyconnect.messaging.selectors.ciphers import load_ciphers
from therapyconnect.messaging.selectors.seals import open_payload, open_text
from therapyconnect.messaging.shapes import Message, MessageKind, ReadStatus
from therapyconnect.vault.cipher import Cipher

QUOTE_LENGTH: Final = 200

# One probe of the receipt table's key for each horizon of each message: the first move that
# covered it. The reader of a message is the participant who did not send it. A subquery for each,
# not a join: two more tables to order made planning cost more than the page.
_FIRST_MOVE: Final = """
    CASE WHEN m.sender_id IS NOT NULL THEN (
        SELECT x.at FROM messaging_receipt x
        WHERE x.chat_id = m.chat_id AND x.kind = {kind}
          AND x.up_to_seq >= COALESCE(m.restored_seq, m.seq)
          AND x.reader_id = CASE WHEN m.sender_id = c.therapist_id THEN c.patient_id
                                 ELSE c.therapist_id END
        ORDER BY x.up_to_seq LIMIT 1
    ) END
"""
MESSAGE_COLUMNS: Final = f"""
    m.chat_id, m.seq, m.changed_seq, m.client_message_id,
    m.sender_id, concat_ws(' ', nullif(u.first_name, ''), nullif(u.last_name, '')),
    m.message_type, m.emergency, m.version, m.text_sealed, m.payload_sealed,
    m.created_at, m.edited_at, m.deleted_at, m.deleted_by_id,
    m.reply_to_seq, q.version, CASE WHEN q.deleted_at IS NULL THEN q.text_sealed END,
    {_FIRST_MOVE.format(kind=1)}, {_FIRST_MOVE.format(kind=2)}, m.restored_seq,
    {ATTACHED_COLUMNS}
"""
MESSAGE_JOINS: Final = f"""
    JOIN messaging_chat c ON c.id = m.chat_id
    LEFT JOIN accounts_user u ON u.id = m.sender_id
    LEFT JOIN messaging_message q ON q.chat_id = m.chat_id AND q.seq = m.reply_to_seq
    {ATTACHED_JOIN}
"""
MESSAGE_FROM: Final = f"FROM messaging_message m {MESSAGE_JOINS}"


class MessageFilters(msgspec.Struct, kw_only=True):
    """Query parameters of the history page."""

    chat_id: str
    before_seq: Annotated[int, Meta(ge=1, le=2**63 - 1)] | None = None
    after_seq: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    sender_id: str | None = None
    emergency: bool | None = None
    message_type: MessageKind | None = None
    read_status: ReadStatus | None = None
    exclude_deleted: bool = False
    limit: Limit = DEFAULT_LIMIT


def render_message(row: Row, *, chat: ChatAccess, cipher: Cipher) -> Message:
    """A row of `MESSAGE_COLUMNS`. Deleted content never gets opened.

    What is hidden from one of the two is the caller's to take away (`see`).
    """
    (
        chat_id, seq, changed_seq, client_message_id, sender_id, sender_name,
        message_type, emergency, version, text_sealed, payload_sealed, created_at, edited_at,
        deleted_at, deleted_by, reply_to_seq, _, _, delivered_at, read_at,
        restored_seq, *_,
    ) = row  # fmt: skip
    text: str | None = None
    payload: dict[str, Any] | None = None
    quote: str | None = None
    file: dict[str, Any] = {}
    if deleted_at is None:
        text = open_text(cipher, text_sealed, seq=seq, version=version)
        if payload_sealed is not None:
            payload = open_payload(cipher, payload_sealed, seq=seq, version=version)
        quote = render_quote(row, cipher=cipher)
        file = render_attached(row, cipher=cipher)
    status: ReadStatus = "sent"
    reader: str | None = None
    if sender_id is not None:
        reader = chat.other_than(sender_id)
        delivered_seq, read_seq = chat.horizons_of(reader)
        status = read_status(restored_seq or seq, delivered_seq=delivered_seq, read_seq=read_seq)
    return Message(
        id=MessageRef(chat_id, seq).id,
        chat_id=chat_id,
        seq=seq,
        changed_seq=changed_seq,
        client_message_id=client_message_id,
        sender_id=sender_id,
        sender_name=sender_name or "",
        text=text,
        message_type=message_type,
        emergency=emergency,
        **file,
        payload=payload,
        read_status=status,
        delivered_at=delivered_at if status != "sent" else None,
        read_at=read_at if status == "read" else None,
        read_by=reader if status == "read" else None,
        reply_to=MessageRef(chat_id, reply_to_seq).id if reply_to_seq is not None else None,
        reply_to_text=quote,
        edited=edited_at is not None,
        edited_at=edited_at,
        deleted=deleted_at is not None,
        deleted_at=deleted_at,
        deleted_by=deleted_by,
        timestamp=created_at,
    )


def render_attached(row: Row, *, cipher: Cipher) -> dict[str, Any]:
    """The fields of its attachment, of a row of `MESSAGE_COLUMNS`, also where it is deleted."""
    return attached_fields(row[21:], chat_id=row[0], cipher=cipher)


def render_quote(row: Row, *, cipher: Cipher) -> str | None:
    """The start of what the message of a row of `MESSAGE_COLUMNS` replies to."""
    reply_to_seq, version, sealed = row[15:18]
    if sealed is None:
        return None
    return open_text(cipher, sealed, seq=reply_to_seq, version=version)[:QUOTE_LENGTH]


def see(message: Message, *, chat: ChatAccess, viewer_id: str) -> Message:
    """A message as `viewer_id` sees it: without the words of a hidden one that it quotes."""
    return without_hidden_quote(message, chat.hidden_seq_of(viewer_id))


def messages_by_seq(chat: ChatAccess, seqs: Iterable[int]) -> Reading[dict[int, Message]]:
    """Some messages of a chat that the caller has been let into, by number."""
    wanted = list(seqs)
    if not wanted:
        return {}
    store = yield from load_ciphers([chat.id])
    rows = yield Query(
        f"SELECT {MESSAGE_COLUMNS} {MESSAGE_FROM} WHERE m.chat_id = %s AND m.seq = ANY(%s)",
        (chat.id, wanted),
    )
    cipher = store.require(chat.id)
    return {row[1]: render_message(row, chat=chat, cipher=cipher) for row in rows}


def message_detail(*, viewer: Principal, message_id: str) -> Reading[Message]:
    """One message of one of the viewer's chats; else `NotFound`."""
    ref = parse_message_id(message_id)
    if ref is None:
        raise NotFound()
    chat = yield from access_chat(viewer=viewer, chat_id=ref.chat_id)
    found = yield from messages_by_seq(chat, [ref.seq])
    if ref.seq not in found or not can_see(ref.seq, chat.hidden_seq_of(viewer.id)):
        raise NotFound()
    return see(found[ref.seq], chat=chat, viewer_id=viewer.id)


def message_page(
    *, viewer: Principal, filters: MessageFilters
) -> Reading[tuple[list[Message], bool, Literal["older", "newer"]]]:
    """A page of history: the messages, whether there are more, and in which direction.

    Newest first; with `after_seq` oldest first. Reads the chat, the page, and a data key where it
    is not known yet: three queries at most, whatever the size.
    """
    chat = yield from access_chat(viewer=viewer, chat_id=filters.chat_id)
    store = yield from load_ciphers([chat.id])
    where: list[str] = ["m.chat_id = %s", "m.seq > %s"]
    params: list[Any] = [chat.id, chat.hidden_seq_of(viewer.id)]
    for condition, value in _conditions(chat, filters):
        where.append(condition)
        params.extend(value)
    forward = filters.after_seq is not None
    rows = yield Query(
        f"SELECT {MESSAGE_COLUMNS} {MESSAGE_FROM} WHERE {' AND '.join(where)}"
        f" ORDER BY m.seq {'ASC' if forward else 'DESC'} LIMIT %s",
        (*params, filters.limit + 1),
    )
    cipher = store.require(chat.id)
    page = [
        see(render_message(row, chat=chat, cipher=cipher), chat=chat, viewer_id=viewer.id)
        for row in rows[: filters.limit]
    ]
    return page, len(rows) > filters.limit, "newer" if forward else "older"


def _conditions(chat: ChatAccess, filters: MessageFilters) -> Iterable[tuple[str, list[Any]]]:
    if filters.before_seq is not None:
        yield "m.seq < %s", [filters.before_seq]
    if filters.after_seq is not None:
        yield "m.seq > %s", [filters.after_seq]
    if filters.sender_id is not None:
        yield "m.sender_id = %s", [filters.sender_id]
    if filters.emergency is not None:
        yield "m.emergency = %s", [filters.emergency]
    if filters.message_type is not None:
        yield "m.message_type = %s", [filters.message_type]
    if filters.exclude_deleted:
        yield "m.deleted_at IS NULL", []
    if filters.read_status is not None:
        yield _status_condition(chat, filters.read_status)


def _status_condition(chat: ChatAccess, status: ReadStatus) -> tuple[str, list[Any]]:
    """Messages of that status: their number against their recipient's horizons."""
    horizon = (
        "CASE WHEN m.sender_id = c.therapist_id THEN c.patient_{0}_seq"
        " WHEN m.sender_id = c.patient_id THEN c.therapist_{0}_seq ELSE 0 END"
    )
    read, delivered = horizon.format("read"), horizon.format("delivered")
    place = "COALESCE(m.restored_seq, m.seq)"
    if status == "read":
        return f"{place} <= {read}", []
    if status == "delivered":
        return f"{place} <= {delivered} AND {place} > {read}", []
    return f"{place} > {delivered}", []
