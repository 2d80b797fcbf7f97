"""`python -m bench.reads.seed --messages N`: fill an empty, migrated database with the clinic.

Every text is sealed with its chat's own data key, as the product seals it; rows are written with
COPY. The chats speak in turns, so that a chat's messages lie as far apart on the disk as they do
where people wrote them. Prints one JSON line: what was written, and how long it took.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "therapyconnect.config.settings")

import django

django.setup()

import psycopg  # noqa: E402
from django.db import connection as django_connection  # noqa: E402

from bench.reads import clinic  # noqa: E402
from bench.reads.clinic import Chat  # noqa: E402
from therapyconnect.messaging.selectors.ciphers import cipher_store  # noqa: E402
from therapyconnect.messaging.selectors.seals import seal_text  # noqa: E402
from therapyconnect.vault import datakeys  # noqa: E402
from therapyconnect.vault.cipher import Cipher  # noqa: E402

ROUNDS = 80
"""In each the chats write an eightieth of their messages; one commit each."""
RECEIPT_EVERY = 20

_MESSAGE = {
    "chat_id": "text", "seq": "int8", "changed_seq": "int8", "sender_id": "text",
    "client_message_id": "text", "fingerprint": "bytea", "message_type": "text",
    "emergency": "bool", "version": "int4", "text_sealed": "bytea", "created_at": "timestamptz",
    "edited_at": "timestamptz",
}  # fmt: skip
_VERSION = {
    "chat_id": "text", "seq": "int8", "version": "int4", "text_sealed": "bytea",
    "written_at": "timestamptz", "replaced_at": "timestamptz",
}  # fmt: skip
_EVENT = {
    "chat_id": "text", "seq": "int8", "type": "text", "at": "timestamptz", "actor_id": "text",
    "message_seq": "int8", "version": "int4",
}  # fmt: skip
_RECEIPT = {
    "chat_id": "text", "reader_id": "text", "kind": "int2", "up_to_seq": "int8",
    "at": "timestamptz",
}  # fmt: skip
Rows = list[tuple[Any, ...]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.reads.seed", description=__doc__)
    parser.add_argument("--messages", type=int, default=5_000_000)
    asked = parser.parse_args()
    began = time.monotonic()
    told = fill(list(clinic.chats(asked.messages)))
    print(json.dumps({**told, "seconds": round(time.monotonic() - began, 1)}))
    return 0


def fill(chats: list[Chat]) -> dict[str, int]:
    """Write a clinic of these chats on Django's connection; what was written, by number."""
    django_connection.ensure_connection()
    connection: psycopg.Connection = django_connection.connection
    connection.autocommit = True
    connection.execute("SET statement_timeout = 0")  # the product's would end the last step
    with connection.transaction():
        _people(connection, chats)
        ciphers = _keys(connection, chats)
    total = sum(chat.length for chat in chats)
    speaker = Speaker(chats, ciphers, total)
    for turn in range(ROUNDS):
        with connection.transaction():
            _copy(connection, "messaging_message", _MESSAGE, speaker.messages(turn))
            _copy(connection, "messaging_messageversion", _VERSION, speaker.versions)
            _copy(connection, "messaging_chatevent", _EVENT, speaker.events)
            _copy(connection, "messaging_receipt", _RECEIPT, speaker.receipts)
    with connection.transaction():
        _stand(connection, chats, speaker.last)
    connection.execute("VACUUM (ANALYZE)")
    return {"messages": total, "chats": len(chats)}


class Speaker:
    """What is said, round by round, and beside it the rows that go with it."""

    def __init__(self, chats: list[Chat], ciphers: dict[str, Cipher], total: int) -> None:
        self._chats = chats
        self._ciphers = ciphers
        self._step = clinic.SPAN / max(1, total)
        self._said = 0
        self.last: dict[str, datetime] = {}
        self.versions: Rows = []
        self.events: Rows = []
        self.receipts: Rows = []

    def messages(self, turn: int) -> Iterator[tuple[Any, ...]]:
        """The rows of one round. Numbers that are edits go to `events`, not here."""
        self.versions, self.events, self.receipts = [], [], []
        for chat in self._chats:
            chat_id, cipher, edits = chat.id, self._ciphers[chat.id], chat.edits
            first, last = chat.length * turn // ROUNDS, chat.length * (turn + 1) // ROUNDS
            for seq in range(first + 1, last + 1):
                self._said += 1
                at = clinic.START + self._step * self._said
                if seq % RECEIPT_EVERY == 0:
                    self._receipts(chat, seq, at)
                if seq in edits:
                    self.events.append(
                        (chat_id, seq, "message_edited", at, chat.sender_of(seq - 1), seq - 1, 2)
                    )
                    continue
                text = clinic.words(chat, seq)
                edited = seq + 1 in edits
                if edited:
                    first_words = seal_text(cipher, text, seq=seq, version=1)
                    self.versions.append((chat_id, seq, 1, first_words, at, at))
                version = 2 if edited else 1
                yield (
                    chat_id, seq, seq + 1 if edited else seq, chat.sender_of(seq),
                    f"{seq:032x}", cipher.fingerprint(text.encode()), "text", False, version,
                    seal_text(cipher, text, seq=seq, version=version), at, at if edited else None,
                )  # fmt: skip
            if last > first:
                self.last[chat_id] = at

    def _receipts(self, chat: Chat, seq: int, at: datetime) -> None:
        for reader in (chat.therapist_id, chat.patient_id):
            if reader == chat.patient_id or seq <= chat.length - chat.unread:
                self.receipts += ((chat.id, reader, kind, seq, at) for kind in (1, 2))


def _copy(
    connection: psycopg.Connection,
    table: str,
    columns: dict[str, str],
    rows: Iterable[tuple[Any, ...]],
) -> None:
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    with connection.cursor().copy(statement.encode()) as copy:
        copy.set_types([*columns.values()])
        for row in rows:
            copy.write_row(row)


def _people(connection: psycopg.Connection, chats: list[Chat]) -> None:
    users = sorted({chat.therapist_id for chat in chats} | {chat.patient_id for chat in chats})
    pairs = ([chat.therapist_id for chat in chats], [chat.patient_id for chat in chats])
    connection.execute(
        "INSERT INTO accounts_user (id, email, first_name, last_name, password, is_active,"
        " date_joined) SELECT id, id || '@reads.test', 'Kim', substr(id, 3), '!', true, now()"
        " FROM unnest(%s::text[]) AS v (id)",
        (users,),
    )
    connection.execute(
        "INSERT INTO accounts_carerelationship (id, therapist_id, patient_id, started_at)"
        " SELECT gen_random_uuid(), t, p, now() FROM unnest(%s::text[], %s::text[]) AS v (t, p)",
        pairs,
    )
    connection.execute(
        "INSERT INTO messaging_chat (id, therapist_id, patient_id, created_at, updated_at,"
        " active_at, last_seq, last_message_seq, therapist_delivered_seq, therapist_read_seq,"
        " patient_delivered_seq, patient_read_seq, therapist_unread_count, patient_unread_count,"
        " therapist_marked_unread, patient_marked_unread, therapist_notifications,"
        " patient_notifications) SELECT id, t, p, now(), now(), now(), 0, 0, 0, 0, 0, 0, 0, 0,"
        " false, false, true, true FROM unnest(%s::text[], %s::text[], %s::text[]) AS v (id, t, p)",
        ([chat.id for chat in chats], *pairs),
    )
    connection.execute(
        "INSERT INTO messaging_chatroom (chat_id, room_type, therapist_can_send,"
        " patient_can_send, therapist_can_see_history, patient_can_see_history, created_at,"
        " updated_at) SELECT id, 'therapy', true, true, true, true, now(), now()"
        " FROM messaging_chat WHERE last_seq = 0 AND NOT EXISTS"
        " (SELECT 1 FROM messaging_chatroom r WHERE r.chat_id = id)"
    )


def _keys(connection: psycopg.Connection, chats: list[Chat]) -> dict[str, Cipher]:
    store = cipher_store()
    rows = [datakeys.new_data_key(store.ring, chat.id) for chat in chats]
    connection.cursor().executemany(datakeys.INSERT_SQL, rows)
    store.add(rows)
    return {chat.id: store.require(chat.id) for chat in chats}


def _stand(connection: psycopg.Connection, chats: list[Chat], last: dict[str, datetime]) -> None:
    """Where the chats stand after all that, and a few alerts that nobody has taken yet."""
    connection.execute(
        "UPDATE messaging_chat c SET last_seq = v.seq, last_message_seq = v.seq,"
        " therapist_delivered_seq = v.seq - v.unread, therapist_read_seq = v.seq - v.unread,"
        " patient_delivered_seq = v.seq, patient_read_seq = v.seq,"
        " therapist_unread_count = v.unread, active_at = v.at, updated_at = v.at"
        " FROM unnest(%s::text[], %s::bigint[], %s::int[], %s::timestamptz[])"
        " AS v (id, seq, unread, at) WHERE v.id = c.id",
        (
            [chat.id for chat in chats],
            [chat.length for chat in chats],
            [chat.unread for chat in chats],
            [last[chat.id] for chat in chats],
        ),
    )
    busy = [chat for chat in chats if chat.therapist_id == clinic.BUSY][1 : clinic.ALERTS + 1]
    connection.execute(
        "INSERT INTO messaging_emergencyalert (chat_id, event_seq, message_seq, state, raised_at,"
        " due_at) SELECT c.id, c.last_seq, c.last_seq, 'raised', c.active_at,"
        " now() + interval '30 days' FROM messaging_chat c WHERE c.id = ANY(%s)",
        ([chat.id for chat in busy],),
    )


if __name__ == "__main__":
    sys.exit(main())
