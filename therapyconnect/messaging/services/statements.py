"""Every statement of a lane. Their parameters are columns, so a batch of any size is one call."""

from __future__ import annotations

from typing import Final

from therapyconnect.attachments.selectors import STORED_COLUMNS
from therapyconnect.messaging.selectors.access import ACCESS_COLUMNS
from therapyconnect.messaging.selectors.alerts import LATEST_ALERTS_SQL, WAITING_ALERTS_SQL
from therapyconnect.messaging.selectors.chats import DETAIL_SQL
from therapyconnect.messaging.selectors.messages import MESSAGE_COLUMNS, MESSAGE_FROM
from therapyconnect.messaging.services import allowances
from therapyconnect.messaging.services.roundtrip import Statements
from therapyconnect.vault import datakeys

COMMIT_SQL: Final = "COMMIT"
LOCK_SQL: Final = "SELECT id FROM messaging_chat WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE"
# After the lock, so that it sees what the lock's last holder committed. Index: primary keys.
_BOOKS_SQL: Final = f"""
    SELECT {ACCESS_COLUMNS},
           concat_ws(' ', nullif(t.first_name, ''), nullif(t.last_name, '')),
           concat_ws(' ', nullif(p.first_name, ''), nullif(p.last_name, ''))
    FROM messaging_chat c
    JOIN messaging_chatroom r ON r.chat_id = c.id
    JOIN accounts_user t ON t.id = c.therapist_id
    JOIN accounts_user p ON p.id = c.patient_id
    WHERE c.id = ANY($1)
"""
# Finds what another batch or another node wrote under the same client id.
# Index: message_once_per_client_id.
_WRITTEN_SQL: Final = """
    SELECT m.chat_id, m.sender_id, m.client_message_id, m.seq, m.fingerprint
    FROM unnest($1::text[], $2::text[], $3::text[]) AS k (chat_id, sender_id, client_message_id)
    JOIN messaging_message m USING (chat_id, sender_id, client_message_id)
"""
_QUOTED_SQL: Final = """
    SELECT m.chat_id, m.seq, m.sender_id, m.version, m.text_sealed, m.deleted_at IS NOT NULL,
           m.message_type, m.restored_seq
    FROM unnest($1::text[], $2::bigint[]) AS k (chat_id, seq)
    JOIN messaging_message m USING (chat_id, seq)
"""
_NEWEST_SQL: Final = """
    SELECT k.chat_id, k.seq, (SELECT m.seq FROM messaging_message m WHERE m.chat_id = k.chat_id
        AND m.seq <= k.seq ORDER BY m.seq DESC LIMIT 1)
    FROM unnest($1::text[], $2::bigint[]) AS k (chat_id, seq)
"""
_STORED_SQL: Final = f"""
    SELECT {MESSAGE_COLUMNS} {MESSAGE_FROM}
    JOIN unnest($1::text[], $2::bigint[]) AS k (chat_id, seq)
        ON k.chat_id = m.chat_id AND k.seq = m.seq
"""
_INSERT_MESSAGES_SQL: Final = """
    INSERT INTO messaging_message (chat_id, seq, changed_seq, sender_id, client_message_id,
        fingerprint, message_type, emergency, version, text_sealed, payload_sealed, reply_to_seq,
        created_at)
    SELECT chat_id, seq, seq, sender_id, client_message_id, fingerprint, message_type, emergency,
        1, text_sealed, payload_sealed, reply_to_seq, $11::timestamptz
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bytea[], $6::text[],
        $7::bool[], $8::bytea[], $9::bytea[], $10::bigint[])
        AS v (chat_id, seq, sender_id, client_message_id, fingerprint, message_type, emergency,
              text_sealed, payload_sealed, reply_to_seq)
"""
# Locked after the chats, by key: what is being scanned is locked for a moment only, and what is
# doomed not at all. Index: primary key.
_ATTACHMENTS_SQL: Final = f"""
    SELECT {STORED_COLUMNS}
    FROM unnest($1::text[], $2::text[]) AS k (chat_id, key)
    JOIN attachments_attachment a ON a.chat_id = k.chat_id AND a.key = k.key
    WHERE a.doomed_at IS NULL ORDER BY a.chat_id, a.key FOR UPDATE OF a
"""
# Both sides of the bond in one statement, and none of it where a batch has no attachment.
_ATTACH_SQL: Final = """
    WITH taken AS (
        UPDATE attachments_attachment a SET message_seq = v.seq
        FROM unnest($1::text[], $2::text[], $3::bigint[]) AS v (chat_id, key, seq)
        WHERE a.chat_id = v.chat_id AND a.key = v.key
    )
    UPDATE messaging_message m SET attachment_id = v.key
    FROM unnest($1::text[], $2::text[], $3::bigint[]) AS v (chat_id, key, seq)
    WHERE m.chat_id = v.chat_id AND m.seq = v.seq
"""
_INSERT_RECEIPTS_SQL: Final = """
    INSERT INTO messaging_receipt (chat_id, reader_id, kind, up_to_seq, at)
    SELECT v.*, $5::timestamptz
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
        AS v (chat_id, reader_id, kind, up_to_seq)
    ON CONFLICT DO NOTHING
"""
_UPDATE_CHATS_SQL: Final = """
    UPDATE messaging_chat c SET
        last_seq = v.last_seq, last_message_seq = v.last_message_seq,
        active_at = CASE WHEN v.said THEN $15::timestamptz ELSE c.active_at END,
        updated_at = CASE WHEN v.said THEN $15::timestamptz ELSE c.updated_at END,
        therapist_delivered_seq = v.t_delivered, therapist_read_seq = v.t_read,
        patient_delivered_seq = v.p_delivered, patient_read_seq = v.p_read,
        therapist_unread_count = {therapist}, patient_unread_count = {patient},
        therapist_marked_unread = c.therapist_marked_unread AND NOT v.t_unmark,
        patient_marked_unread = c.patient_marked_unread AND NOT v.p_unmark
    FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
        $7::bigint[], $8::bigint[], $9::bigint[], $10::bool[], $11::bool[], $12::bool[],
        $13::bool[], $14::bool[])
        AS v (id, last_seq, last_message_seq, t_delivered, t_read, p_delivered, p_read,
              t_unread, p_unread, t_unmark, p_unmark, said, t_recount, p_recount)
    WHERE c.id = v.id
"""
# Comes after the messages of the batch were written. What was restored counts from its restore on.
# Indexes: the primary key, message_restored.
_RECOUNTED: Final = """CASE WHEN NOT v.{initial}_recount THEN v.{initial}_unread ELSE (
        SELECT count(*) FROM messaging_message m WHERE m.chat_id = c.id
        AND m.seq > GREATEST(v.{initial}_read, c.{side}_hidden_seq) AND m.restored_seq IS NULL
        AND m.sender_id = c.{other}_id AND m.deleted_at IS NULL
    ) + (
        SELECT count(*) FROM messaging_message m WHERE m.chat_id = c.id
        AND m.restored_seq > v.{initial}_read AND m.seq > c.{side}_hidden_seq
        AND m.sender_id = c.{other}_id AND m.deleted_at IS NULL
    ) END"""
_ROOMS_SQL: Final = """
    SELECT r.chat_id, r.room_type, r.description_sealed, r.tags_sealed,
           r.therapist_can_see_history, r.patient_can_see_history
    FROM messaging_chatroom r WHERE r.chat_id = ANY($1)
"""
# Chats whose therapist receives no emergencies, or is switched off. Who never said so does.
_UNRECEPTIVE_SQL: Final = """
    SELECT c.id FROM messaging_chat c
    JOIN accounts_user u ON u.id = c.therapist_id
    LEFT JOIN accounts_usersettings s ON s.user_id = c.therapist_id
    WHERE c.id = ANY($1) AND NOT (u.is_active AND COALESCE(s.receives_emergencies, true))
"""
_INSERT_EVENTS_SQL: Final = """
    INSERT INTO messaging_chatevent (chat_id, seq, type, at, actor_id, message_seq, version)
    SELECT chat_id, seq, type, $7::timestamptz, actor_id, message_seq, version
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
        AS v (chat_id, seq, type, actor_id, message_seq, version)
"""
_INSERT_VERSIONS_SQL: Final = """
    INSERT INTO messaging_messageversion
        (chat_id, seq, version, text_sealed, payload_sealed, written_at, replaced_at)
    SELECT v.*, $7::timestamptz
    FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[],
        $6::timestamptz[]) AS v (chat_id, seq, version, text_sealed, payload_sealed, written_at)
"""
_UPDATE_MESSAGES_SQL: Final = """
    UPDATE messaging_message m SET
        changed_seq = v.changed_seq, version = v.version, text_sealed = v.text_sealed,
        payload_sealed = v.payload_sealed, emergency = v.emergency, edited_at = v.edited_at,
        deleted_at = v.deleted_at, deleted_by_id = v.deleted_by, restored_seq = v.restored_seq
    FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[],
        $7::bool[], $8::timestamptz[], $9::timestamptz[], $10::text[], $11::bigint[])
        AS v (chat_id, seq, changed_seq, version, text_sealed, payload_sealed, emergency,
              edited_at, deleted_at, deleted_by, restored_seq)
    WHERE m.chat_id = v.chat_id AND m.seq = v.seq
"""
# A fact keeps the time since when it holds.
_UPDATE_FACTS_SQL: Final = """
    UPDATE messaging_chat c SET
        archived_at = CASE WHEN v.archived THEN COALESCE(c.archived_at, $6) END,
        blocked_by_therapist_at =
            CASE WHEN v.by_therapist THEN COALESCE(c.blocked_by_therapist_at, $6) END,
        blocked_by_patient_at =
            CASE WHEN v.by_patient THEN COALESCE(c.blocked_by_patient_at, $6) END,
        deleted_at = CASE WHEN v.deleted THEN COALESCE(c.deleted_at, $6) END,
        updated_at = $6::timestamptz
    FROM unnest($1::text[], $2::bool[], $3::bool[], $4::bool[], $5::bool[])
        AS v (id, archived, by_therapist, by_patient, deleted)
    WHERE c.id = v.id
"""
_UPDATE_ROOMS_SQL: Final = """
    WITH hidden AS (
        UPDATE messaging_chat c SET therapist_hidden_seq = v.therapist_hidden,
            patient_hidden_seq = v.patient_hidden, updated_at = $12::timestamptz
        FROM unnest($1::text[], $10::bigint[], $11::bigint[])
            AS v (id, therapist_hidden, patient_hidden)
        WHERE c.id = v.id
    )
    UPDATE messaging_chatroom r SET
        room_type = v.room_type, description_sealed = v.description, tags_sealed = v.tags,
        archived_at = CASE WHEN v.archived THEN COALESCE(r.archived_at, $12) END,
        therapist_can_send = v.t_send, patient_can_send = v.p_send,
        therapist_can_see_history = v.t_history, patient_can_see_history = v.p_history,
        updated_at = $12::timestamptz
    FROM unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::bool[], $6::bool[],
        $7::bool[], $8::bool[], $9::bool[])
        AS v (chat_id, room_type, description, tags, archived, t_send, p_send, t_history, p_history)
    WHERE r.chat_id = v.chat_id
"""
_END_CARE_SQL: Final = """
    UPDATE accounts_carerelationship a SET ended_at = $3::timestamptz, ended_by_id = v.by
    FROM unnest($1::text[], $2::text[]) AS v (chat_id, by)
    JOIN messaging_chat c ON c.id = v.chat_id
    WHERE a.therapist_id = c.therapist_id AND a.patient_id = c.patient_id AND a.ended_at IS NULL
"""
_INSERT_ALERTS_SQL: Final = """
    INSERT INTO messaging_emergencyalert
        (chat_id, event_seq, message_seq, state, raised_at, due_at, exhausted_at, exhausted_why)
    SELECT v.chat_id, v.event_seq, v.message_seq, v.state, $5::timestamptz, v.due_at,
           CASE WHEN v.state = 'exhausted' THEN $5 END,
           CASE WHEN v.state = 'exhausted' THEN 'not_received' END
    FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $6::timestamptz[])
        AS v (chat_id, event_seq, message_seq, state, due_at)
"""
_DELIVER_ALERTS_SQL: Final = """
    UPDATE messaging_emergencyalert a SET state = 'delivered', delivered_at = $3::timestamptz
    FROM unnest($1::text[], $2::bigint[]) AS v (chat_id, event_seq)
    WHERE a.chat_id = v.chat_id AND a.event_seq = v.event_seq AND a.state = 'raised'
"""


def statements() -> Statements:
    """Every statement, by the name under which a lane's connection has it prepared."""
    return {
        "begin": "BEGIN",
        "lock": LOCK_SQL,
        "books": _BOOKS_SQL,
        "written": _WRITTEN_SQL,
        "quoted": _QUOTED_SQL,
        "newest": _NEWEST_SQL,
        "data_keys": datakeys.SELECT_SQL.replace("%s", "$1"),
        "stored": _STORED_SQL,
        "attachments": _ATTACHMENTS_SQL,
        "rooms": _ROOMS_SQL,
        "latest_alerts": LATEST_ALERTS_SQL,
        "waiting_alerts": WAITING_ALERTS_SQL,
        "unreceptive": _UNRECEPTIVE_SQL,
        "lock_quotas": allowances.LOCK_SQL,
        "keep_quotas": allowances.KEEP_SQL,
        "insert_messages": _INSERT_MESSAGES_SQL,
        "attach": _ATTACH_SQL,
        "insert_receipts": _INSERT_RECEIPTS_SQL,
        "insert_events": _INSERT_EVENTS_SQL,
        "insert_versions": _INSERT_VERSIONS_SQL,
        "insert_alerts": _INSERT_ALERTS_SQL,
        "deliver_alerts": _DELIVER_ALERTS_SQL,
        "update_messages": _UPDATE_MESSAGES_SQL,
        # Two plans: where nothing is counted, the counting need not be set up.
        "update_chats": _UPDATE_CHATS_SQL.format(therapist="v.t_unread", patient="v.p_unread"),
        "recount_chats": _UPDATE_CHATS_SQL.format(
            therapist=_RECOUNTED.format(side="therapist", initial="t", other="patient"),
            patient=_RECOUNTED.format(side="patient", initial="p", other="therapist"),
        ),
        "update_facts": _UPDATE_FACTS_SQL,
        "update_rooms": _UPDATE_ROOMS_SQL,
        "end_care": _END_CARE_SQL,
        "details": f"{DETAIL_SQL} WHERE c.id = ANY($1)",
        "commit": COMMIT_SQL,
    }
