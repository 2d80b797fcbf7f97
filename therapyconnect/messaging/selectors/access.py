"""The guard: a chat comes to a reader only through here.

Another's chat answers as one that never was.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from therapyconnect.accounts.principal import Principal
from therapyconnect.core.errors import NotFound
from therapyconnect.core.ids import parse_chat_id
from therapyconnect.core.queries import Query, Reading, Row
from therapyconnect.messaging.policies.standing import Side, Standing

ACCESS_COLUMNS: Final = """
    c.id, c.therapist_id, c.patient_id,
    c.archived_at IS NOT NULL,
    c.blocked_by_therapist_at IS NOT NULL, c.blocked_by_patient_at IS NOT NULL,
    c.deleted_at IS NOT NULL,
    EXISTS (SELECT 1 FROM accounts_carerelationship a WHERE a.therapist_id = c.therapist_id
            AND a.patient_id = c.patient_id AND a.ended_at IS NULL),
    r.archived_at IS NOT NULL, r.therapist_can_send, r.patient_can_send,
    c.last_seq, c.last_message_seq,
    c.therapist_delivered_seq, c.therapist_read_seq, c.patient_delivered_seq, c.patient_read_seq,
    c.therapist_unread_count, c.patient_unread_count,
    c.therapist_hidden_seq, c.patient_hidden_seq, c.forked_seq,
    c.therapist_notifications, c.patient_notifications
"""
ACCESS_WIDTH: Final = 24
_ACCESS: Final = f"""
    SELECT {ACCESS_COLUMNS}
    FROM messaging_chat c JOIN messaging_chatroom r ON r.chat_id = c.id
"""
ACCESS_SQL: Final = f"{_ACCESS} WHERE c.id = %s"
MANY_ACCESS_SQL: Final = f"{_ACCESS} WHERE c.id = ANY(%s)"


@dataclass(slots=True)
class ChatAccess:
    """A chat's facts and numbers, as its participants' actions are judged by."""

    id: str
    therapist_id: str
    patient_id: str
    standing: Standing
    last_seq: int
    last_message_seq: int
    therapist_delivered_seq: int
    therapist_read_seq: int
    patient_delivered_seq: int
    patient_read_seq: int
    therapist_unread_count: int
    patient_unread_count: int
    therapist_hidden_seq: int
    patient_hidden_seq: int
    forked_seq: int | None
    therapist_notifications: bool
    patient_notifications: bool

    def side_of(self, user_id: str) -> Side | None:
        if user_id == self.therapist_id:
            return "therapist"
        return "patient" if user_id == self.patient_id else None

    def horizons_of(self, user_id: str) -> tuple[int, int]:
        """`(delivered_seq, read_seq)` of a participant."""
        if user_id == self.therapist_id:
            return self.therapist_delivered_seq, self.therapist_read_seq
        return self.patient_delivered_seq, self.patient_read_seq

    def hidden_seq_of(self, user_id: str) -> int:
        """Up to where history is hidden from a participant; 0 where nothing is."""
        if user_id == self.therapist_id:
            return self.therapist_hidden_seq
        return self.patient_hidden_seq

    def notifies(self, user_id: str) -> bool:
        """Whether a participant wants to be alerted to news of this chat."""
        if user_id == self.therapist_id:
            return self.therapist_notifications
        return self.patient_notifications

    def other_than(self, user_id: str) -> str:
        return self.patient_id if user_id == self.therapist_id else self.therapist_id


def access_from_row(row: Row) -> ChatAccess:
    """A row of `ACCESS_COLUMNS`."""
    return ChatAccess(row[0], row[1], row[2], Standing(*row[3:11]), *row[11:ACCESS_WIDTH])


def access_chat(*, viewer: Principal, chat_id: str) -> Reading[ChatAccess]:
    """The chat, where `viewer` takes part in it and it is not deleted; else `NotFound`."""
    pair = parse_chat_id(chat_id)
    if pair is None or viewer.id not in pair:
        raise NotFound()
    rows = yield Query(ACCESS_SQL, (chat_id,))
    if not rows:
        raise NotFound()
    access = access_from_row(rows[0])
    if access.standing.deleted:
        raise NotFound()
    return access
