"""A person takes an alert, or ends it. Alerts are raised and delivered in the batch.

Each change is made under the chat's lock and pushed after its commit. A push that is lost (a kill
right after the commit) is made good by the list of alerts, which a client reads when it connects.
Where it is the commit's answer that is lost, the sweep looks, and whoever asks again is told, and
with them everybody: the hub drops what it has told already.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.db import DatabaseError, InterfaceError, connection, transaction

from therapyconnect.accounts.principal import Principal
from therapyconnect.core import clock
from therapyconnect.core.errors import Forbidden, NotFound
from therapyconnect.core.hub import AlertChanged
from therapyconnect.core.ids import MessageRef
from therapyconnect.messaging.models import EmergencyAlert as Row
from therapyconnect.messaging.policies.emergencies import check_acknowledge, check_resolve
from therapyconnect.messaging.selectors.alerts import ALERT_COLUMNS, alert_from_row
from therapyconnect.messaging.selectors.emergencies import alert_chat_for
from therapyconnect.messaging.services.engine import doubt, publish
from therapyconnect.messaging.shapes import AlertState, EmergencyAlert

_LOCK_SQL = "SELECT 1 FROM messaging_chat WHERE id = %s FOR NO KEY UPDATE"
_ALERT_SQL = (
    f"SELECT {ALERT_COLUMNS} FROM messaging_emergencyalert a"
    " WHERE a.chat_id = %s AND a.event_seq = %s"
)


def acknowledge(*, caller: Principal, alert_id: str) -> EmergencyAlert:
    """The therapist takes it. Of two at once one does; to the other it is done already."""
    return _change(caller, alert_id, check_acknowledge, "acknowledged")


def resolve(*, caller: Principal, alert_id: str) -> EmergencyAlert:
    """It is over. Who ends an alert that nobody took has taken it."""
    return _change(caller, alert_id, check_resolve, "resolved")


def _change(
    caller: Principal, alert_id: str, check: Callable[[AlertState], bool], state: AlertState
) -> EmergencyAlert:
    ref = alert_chat_for(alert_id, caller)
    if ref is None:
        raise NotFound()
    try:
        return _change_locked(caller, ref, check, state)
    except (DatabaseError, InterfaceError):
        doubt(ref.chat_id)
        raise


def _change_locked(
    caller: Principal, ref: MessageRef, check: Callable[[AlertState], bool], state: AlertState
) -> EmergencyAlert:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_LOCK_SQL, (ref.chat_id,))
        alert = _read(ref.chat_id, ref.seq)
        if caller.role != "therapist":
            raise Forbidden("therapist_only", "Only the therapist takes an alert.")
        if check(alert.state):
            rows = Row.objects.filter(chat_id=ref.chat_id, event_seq=ref.seq)
            rows.update(**_facts(alert, caller, state))
            alert = _read(ref.chat_id, ref.seq)
        transaction.on_commit(partial(publish, [AlertChanged(ref.chat_id, alert)]))
    return alert


def _facts(alert: EmergencyAlert, caller: Principal, state: AlertState) -> dict[str, Any]:
    now = clock.now()
    facts: dict[str, Any] = {"state": state}
    if alert.acknowledged_at is None:
        facts |= {"acknowledged_at": now, "acknowledged_by_id": caller.id}
    if state == "resolved":
        facts |= {"resolved_at": now, "resolved_by_id": caller.id}
    return facts


def _read(chat_id: str, event_seq: int) -> EmergencyAlert:
    with connection.cursor() as cursor:
        cursor.execute(_ALERT_SQL, (chat_id, event_seq))
        row = cursor.fetchone()
    if row is None:
        raise NotFound()
    return alert_from_row(row)
