"""Chats are made here, and their owners' preferences kept."""

from __future__ import annotations

from django.db import connection, transaction

from therapyconnect.accounts.principal import Principal
from therapyconnect.core import clock
from therapyconnect.core.errors import Conflict, Forbidden, NotFound
from therapyconnect.core.ids import chat_id_for, is_user_id, role_of
from therapyconnect.messaging.models import Chat, ChatRoom
from therapyconnect.messaging.policies.standing import bar_of
from therapyconnect.messaging.selectors.ciphers import cipher_store
from therapyconnect.messaging.services.engine import online
from therapyconnect.messaging.shapes import ChatDetail
from therapyconnect.vault import datakeys

_RELATED_SQL = """
    SELECT 1 FROM accounts_carerelationship a
    JOIN accounts_user t ON t.id = a.therapist_id AND t.is_active
    JOIN accounts_user p ON p.id = a.patient_id AND p.is_active
    WHERE a.therapist_id = %s AND a.patient_id = %s AND a.ended_at IS NULL
"""


def create_or_get_chat(
    *, caller: Principal, therapist_id: str, patient_id: str
) -> tuple[str, bool]:
    """The id of the pair's chat, and whether it was made now, with its room and its data key.

    Unknown users and pairs without an active care relationship answer the same: not found. Of
    two calls at once one creates; the other waits for it and finds the chat.
    """
    if not _is_pair(therapist_id, patient_id):
        raise NotFound()
    if caller.role != "admin" and caller.id not in (therapist_id, patient_id):
        raise NotFound()
    chat_id = chat_id_for(therapist_id=therapist_id, patient_id=patient_id)
    with transaction.atomic():
        existing = Chat.objects.filter(id=chat_id).values("deleted_at").first()
        if existing is None or caller.role != "admin":
            with connection.cursor() as cursor:
                cursor.execute(_RELATED_SQL, (therapist_id, patient_id))
                if cursor.fetchone() is None:
                    raise NotFound()
        if existing is None:
            return chat_id, _create(chat_id, therapist_id, patient_id)
        if existing["deleted_at"] is not None:
            raise Conflict("chat_deleted", "This chat was deleted.")
        return chat_id, False


def _create(chat_id: str, therapist_id: str, patient_id: str) -> bool:
    now = clock.now()
    with connection.cursor() as cursor:
        # Not `get_or_create`: this waits for a concurrent creator without an error to roll back.
        cursor.execute(
            "INSERT INTO messaging_chat (id, therapist_id, patient_id, created_at, updated_at,"
            " active_at, last_seq, last_message_seq, therapist_delivered_seq, therapist_read_seq,"
            " patient_delivered_seq, patient_read_seq, therapist_unread_count,"
            " patient_unread_count, therapist_marked_unread, patient_marked_unread,"
            " therapist_notifications, patient_notifications, therapist_hidden_seq,"
            " patient_hidden_seq) VALUES (%s, %s, %s, %s, %s, %s, 0, 0, 0, 0, 0, 0, 0, 0,"
            " false, false, true, true, 0, 0)"
            " ON CONFLICT (id) DO NOTHING",
            (chat_id, therapist_id, patient_id, now, now, now),
        )
        if cursor.rowcount == 0:
            return False
        cursor.execute(datakeys.INSERT_SQL, datakeys.new_data_key(cipher_store().ring, chat_id))
    ChatRoom.objects.create(chat_id=chat_id, created_at=now, updated_at=now)
    return True


def _is_pair(therapist_id: str, patient_id: str) -> bool:
    return (
        is_user_id(therapist_id)
        and is_user_id(patient_id)
        and role_of(therapist_id) == "therapist"
        and role_of(patient_id) == "patient"
    )


def set_notifications(*, caller: Principal, chat_id: str, enabled: bool) -> None:
    """The caller's own preference; not an event of the chat."""
    _set_own(caller, chat_id, "notifications", enabled)


def mark_unread(*, caller: Principal, chat_id: str) -> None:
    """The caller's own flag; moves no horizon, and goes when theirs moves."""
    _set_own(caller, chat_id, "marked_unread", True)


def _set_own(caller: Principal, chat_id: str, name: str, value: bool) -> None:
    if caller.role == "admin":
        raise NotFound()
    mine = {f"{caller.role}_id": caller.id, "deleted_at": None}
    if not Chat.objects.filter(id=chat_id, **mine).update(**{f"{caller.role}_{name}": value}):
        raise NotFound()


def with_presence(chat: ChatDetail) -> ChatDetail:
    """The chat with whether the other participant is there, unless the two are kept apart."""
    other = chat.other_participant
    apart = bar_of(
        deleted=chat.status == "deleted",
        blocked=chat.status == "blocked",
        related=chat.relationship_active,
    )
    other.online = None if apart else online(other.id)
    return chat


def refuse_admin(caller: Principal) -> None:
    """An administrator is in no chat and reads no word of one."""
    if caller.role == "admin":
        raise Forbidden("not_a_participant", "An administrator takes part in no chat.")
