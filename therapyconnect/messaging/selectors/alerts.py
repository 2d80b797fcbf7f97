"""Emergency alerts as their rows and as both participants see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from therapyconnect.core.ids import MessageRef, alert_id_for
from therapyconnect.core.queries import Row
from therapyconnect.messaging.shapes import AlertState, EmergencyAlert

ALERT_COLUMNS: Final = """
    a.chat_id, a.event_seq, a.message_seq, a.state, a.raised_at, a.due_at, a.delivered_at,
    a.acknowledged_at, a.acknowledged_by_id, a.resolved_at, a.exhausted_at
"""
LATEST_ALERTS_SQL: Final = f"""
    SELECT {ALERT_COLUMNS} FROM unnest($1::text[]) AS k (chat_id)
    JOIN LATERAL (SELECT * FROM messaging_emergencyalert x WHERE x.chat_id = k.chat_id
                  ORDER BY x.event_seq DESC LIMIT 1) a ON TRUE
"""

# Nearly always none: one scan of a partial index that is nearly empty (emergency_one_waits).
WAITING_ALERTS_SQL: Final = f"""
    SELECT {ALERT_COLUMNS} FROM messaging_emergencyalert a
    WHERE a.chat_id = ANY($1) AND a.state IN ('raised', 'delivered')
"""


@dataclass(slots=True)
class Alert:
    """A row of `ALERT_COLUMNS`."""

    chat_id: str
    event_seq: int
    message_seq: int
    state: AlertState
    raised_at: datetime
    due_at: datetime
    delivered_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    exhausted_at: datetime | None = None

    @property
    def shape(self) -> EmergencyAlert:
        return EmergencyAlert(
            id=alert_id_for(self.chat_id, self.event_seq),
            chat_id=self.chat_id,
            message_id=MessageRef(self.chat_id, self.message_seq).id,
            state=self.state,
            raised_at=self.raised_at,
            delivered_at=self.delivered_at,
            acknowledged_at=self.acknowledged_at,
            acknowledged_by=self.acknowledged_by,
            resolved_at=self.resolved_at,
            exhausted_at=self.exhausted_at,
        )


def alert_from_row(row: Row) -> EmergencyAlert:
    return Alert(*row).shape
