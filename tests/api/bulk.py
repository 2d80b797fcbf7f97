"""Large caseloads in a moment: rows written as the lanes write them, past the lanes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from therapyconnect.core.ids import chat_id_for
from therapyconnect.messaging.selectors.ciphers import cipher_store
from therapyconnect.messaging.selectors.seals import seal_text
from therapyconnect.vault import datakeys

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Caseload:
    """A therapist with chats in which patients have said so much each."""

    therapist_id: str
    chat_ids: list[str]
    each: int

    @property
    def messages(self) -> int:
        return len(self.chat_ids) * self.each


def make_caseload(
    therapist_id: str,
    *,
    chats: int,
    each: int,
    words: Callable[[int, int], str] = lambda chat, seq: f"message {seq} of chat {chat}",
) -> Caseload:
    """`chats` chats with `each` messages, all of the patients' and unread.

    The chats take turns, so that message n of one is between messages n of its neighbours.
    """
    patients = [f"p_bulk{number:05}" for number in range(chats)]
    chat_ids = [chat_id_for(therapist_id=therapist_id, patient_id=p) for p in patients]
    now = START + timedelta(seconds=each * chats)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts_user (id, email, first_name, last_name, password, is_active,"
            " date_joined) SELECT id, id || '@bulk.test', 'Bulk', 'Patient', '!', true, now()"
            " FROM unnest(%s::text[]) AS v (id)",
            (patients,),
        )
        cursor.execute(
            "INSERT INTO accounts_carerelationship (id, therapist_id, patient_id, started_at)"
            " SELECT gen_random_uuid(), %s, id, now() FROM unnest(%s::text[]) AS v (id)",
            (therapist_id, patients),
        )
        cursor.execute(
            "INSERT INTO messaging_chat (id, therapist_id, patient_id, created_at, updated_at,"
            " active_at, last_seq, last_message_seq, therapist_delivered_seq, therapist_read_seq,"
            " patient_delivered_seq, patient_read_seq, therapist_unread_count,"
            " patient_unread_count, therapist_marked_unread, patient_marked_unread,"
            " therapist_notifications, patient_notifications)"
            " SELECT chat, %s, patient, %s, %s, %s, %s, %s, 0, 0, 0, 0, %s, 0, false, false,"
            " true, true FROM unnest(%s::text[], %s::text[]) AS v (chat, patient)",
            (therapist_id, START, now, now, each, each, each, chat_ids, patients),
        )
        cursor.execute(
            "INSERT INTO messaging_chatroom (chat_id, room_type, therapist_can_send,"
            " patient_can_send, therapist_can_see_history, patient_can_see_history, created_at,"
            " updated_at) SELECT id, 'therapy', true, true, true, true, %s, %s"
            " FROM unnest(%s::text[]) AS v (id)",
            (START, START, chat_ids),
        )
        ring = cipher_store().ring
        cursor.executemany(
            datakeys.INSERT_SQL, [datakeys.new_data_key(ring, chat_id) for chat_id in chat_ids]
        )
        _write_messages(cursor, chat_ids, patients, each, words)
        cursor.execute("ANALYZE")
    return Caseload(therapist_id, chat_ids, each)


def _write_messages(
    cursor: Any,
    chat_ids: list[str],
    patients: list[str],
    each: int,
    words: Callable[[int, int], str],
) -> None:
    cursor.execute(datakeys.SELECT_SQL, (chat_ids,))
    store = cipher_store()
    store.add(cursor.fetchall())
    ciphers = [store.require(chat_id) for chat_id in chat_ids]
    with cursor.copy(
        "COPY messaging_message (chat_id, seq, changed_seq, sender_id, message_type, emergency,"
        " version, text_sealed, created_at) FROM STDIN"
    ) as copy:
        for seq in range(1, each + 1):
            for number, chat_id in enumerate(chat_ids):
                sealed = seal_text(ciphers[number], words(number, seq), seq=seq, version=1)
                at = START + timedelta(seconds=seq * len(chat_ids) + number)
                copy.write_row((chat_id, seq, seq, patients[number], "text", False, 1, sealed, at))
