"""The scan: what is `scanning` becomes `ready` or `quarantined`, and nothing else lets it pass.

It is derived from the rows. Who scans has taken the row for a while (`due_at`), so a scan that was
killed is due again by itself; no lock is held meanwhile, and a message may take the file.
"""

from __future__ import annotations

from typing import Final

import structlog
from django.conf import settings
from django.db import connection, transaction

from therapyconnect.attachments import objects, storage
from therapyconnect.attachments.scanning import (
    CONNECT_SECONDS,
    SCAN_SECONDS,
    Infected,
    Scanner,
    ScannerDown,
)
from therapyconnect.attachments.selectors import STORED_COLUMNS, Stored, cipher_of
from therapyconnect.attachments.shapes import AttachmentState
from therapyconnect.core.connections import let_go
from therapyconnect.core.ids import AttachmentRef
from therapyconnect.core.queries import run
from therapyconnect.notifications.services import notify
from therapyconnect.vault.errors import VaultError

log = structlog.get_logger("therapyconnect.attachments")

LEASE_SECONDS: Final = CONNECT_SECONDS + SCAN_SECONDS + 30
"""Longer than a scan may take."""

_TAKE_SQL: Final = f"""
    UPDATE attachments_attachment a
    SET due_at = statement_timestamp() + make_interval(secs => %s)
    FROM (SELECT chat_id, key FROM attachments_attachment
          WHERE state = 'scanning' AND doomed_at IS NULL AND due_at <= statement_timestamp()
          ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED) due
    WHERE a.chat_id = due.chat_id AND a.key = due.key
    RETURNING {STORED_COLUMNS}
"""
_SETTLE_SQL: Final = """
    UPDATE attachments_attachment SET state = %s
    WHERE chat_id = %s AND key = %s AND state = 'scanning' RETURNING 1
"""
# The longer it could not be scanned, the longer the next pause: it may be too much for the scanner.
_LATER_SQL: Final = """
    UPDATE attachments_attachment SET due_at = statement_timestamp() + LEAST(
        interval '10 minutes',
        GREATEST(interval '3 seconds', (statement_timestamp() - created_at) / 4))
    WHERE chat_id = %s AND key = %s AND state = 'scanning'
"""
_ADMINS_SQL: Final = "SELECT id FROM accounts_user WHERE id LIKE 'a\\_%%' AND is_active ORDER BY id"


def scan_due() -> list[AttachmentRef]:
    """Scan one of those that are due; whose state changed. Any number of processes at once."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_SQL, (LEASE_SECONDS,))
        due = [Stored(*row) for row in cursor.fetchall()]
    return [stored.ref for stored in due if scan(stored)]


def scan(stored: Stored) -> bool:
    """Scan one that the caller has taken; whether its state changed."""
    state = _judge(stored)
    if state is None:
        with connection.cursor() as cursor:
            cursor.execute(_LATER_SQL, stored.ref)
        return False
    return settle(stored.ref, state)


def _judge(stored: Stored) -> AttachmentState | None:
    """What it becomes; None where nobody can say now."""
    engine: Scanner | None = settings.THERAPYCONNECT["SCANNER"]
    if engine is None:
        return "ready"
    try:
        cipher = run(cipher_of(stored.chat_id))
        let_go()
        with objects.opened(stored, "content", cipher) as reader:
            verdict = engine.scan(objects.as_file(reader))
    except (storage.ObjectMissing, VaultError) as damage:
        log.critical(
            "attachment.damaged", attachment_id=stored.ref.id, reason=type(damage).__name__
        )
        return "rejected"
    except (ScannerDown, storage.StoreDown) as error:
        log.warning(
            "attachment.not_scanned", attachment_id=stored.ref.id, error=type(error).__name__
        )
        return None
    if isinstance(verdict, Infected):
        log.error(
            "attachment.quarantined", attachment_id=stored.ref.id, signature=verdict.signature
        )
        return "quarantined"
    return "ready"


def settle(ref: AttachmentRef, state: AttachmentState) -> bool:
    """Note the verdict, and tell the administrators of a bad one; False where another one did."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_SETTLE_SQL, (state, *ref))
        if cursor.fetchone() is None:
            return False
        if state == "quarantined":
            cursor.execute(_ADMINS_SQL)
            admins = [row[0] for row in cursor.fetchall()]
            if admins:
                notify(
                    admins,
                    title="A file was quarantined",
                    body=f"The scanner knows what {ref.id} holds. Nobody can fetch it.",
                    level="warning",
                    kind="attachment_quarantined",
                )
    return True
