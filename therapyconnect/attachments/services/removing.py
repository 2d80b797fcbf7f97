"""Removal: first nobody gets it any more (`doomed_at`), then its objects go, then its row.

So a message can't take what is being removed, no lane waits for a store, and whatever breaks off
is done again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import structlog
from django.db import connection, transaction

from therapyconnect.attachments import storage
from therapyconnect.core.ids import AttachmentRef

log = structlog.get_logger("therapyconnect.attachments")

UNUSED_SECONDS: Final = 24 * 3600
UPLOAD_SECONDS: Final = 3600
"""Longer than an upload may take from its row to its last object."""
AT_ONCE: Final = 50

_DOOM_OLD_SQL: Final = """
    UPDATE attachments_attachment a SET doomed_at = statement_timestamp()
    FROM (SELECT chat_id, key FROM attachments_attachment
          WHERE message_seq IS NULL AND doomed_at IS NULL
            AND created_at < statement_timestamp() - make_interval(secs => %s)
            AND (state = 'uploading'
                 OR created_at < statement_timestamp() - make_interval(secs => %s))
          LIMIT %s FOR UPDATE SKIP LOCKED) old
    WHERE a.chat_id = old.chat_id AND a.key = old.key
"""
_DOOM_OF_MESSAGES_SQL: Final = """
    UPDATE attachments_attachment SET doomed_at = statement_timestamp()
    WHERE chat_id = %s AND message_seq = ANY(%s) AND doomed_at IS NULL
"""
_DOOM_SQL: Final = """
    UPDATE attachments_attachment SET doomed_at = statement_timestamp()
    WHERE chat_id = %s AND key = %s AND doomed_at IS NULL AND message_seq IS NULL
"""
_DOOMED_SQL: Final = """
    SELECT chat_id, key, object_name, thumbnail_name FROM attachments_attachment
    WHERE doomed_at IS NOT NULL ORDER BY doomed_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_DELETE_SQL: Final = "DELETE FROM attachments_attachment WHERE chat_id = %s AND key = %s"


def sweep() -> int:
    """Remove what nobody used in a day, what never arrived, and what is doomed; how many went."""
    with connection.cursor() as cursor:
        cursor.execute(_DOOM_OLD_SQL, (UPLOAD_SECONDS, UNUSED_SECONDS, AT_ONCE))
    removed = 0
    while removed < AT_ONCE and _remove_one():
        removed += 1
    if removed:
        log.info("attachments.removed", count=removed)
    return removed


def purge(chat_id: str, seqs: Sequence[int]) -> int:
    """Doom the files of messages that are gone for good; how many. The sweep removes them."""
    with connection.cursor() as cursor:
        cursor.execute(_DOOM_OF_MESSAGES_SQL, (chat_id, list(seqs)))
        return int(cursor.rowcount)


def discard(ref: AttachmentRef) -> None:
    """Doom an upload that failed. Where even that fails, its age will do it."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_DOOM_SQL, ref)
    except Exception as error:
        log.warning("attachment.not_discarded", attachment_id=ref.id, error=type(error).__name__)


def _remove_one() -> bool:
    """Objects, then the row: killed in between, the row says it again."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_DOOMED_SQL)
        row = cursor.fetchone()
        if row is None:
            return False
        chat_id, key, *names = row
        try:
            for name in names:
                if name is not None:
                    storage.remove(name)
        except storage.StoreDown as error:
            log.warning("attachment.not_removed", error=str(error))
            return False
        cursor.execute(_DELETE_SQL, (chat_id, key))
    return True
