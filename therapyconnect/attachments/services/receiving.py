"""An upload, from a plain file to a sealed object that may be sent.

First the file is inspected: what is refused leaves nothing. Then each step is on the disk before
the next: the row (`uploading`), the objects, the row again (`scanning`). Whatever breaks off in
between, the sweep finds a row that says what to remove.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import structlog
from django.conf import settings
from django.db import connection, transaction

from therapyconnect.attachments import models, objects, storage
from therapyconnect.attachments.inspection import Inspected, Refused, inspect
from therapyconnect.attachments.names import clean_name
from therapyconnect.attachments.seals import Part, seal_name
from therapyconnect.attachments.selectors import Stored, cipher_of, stored_attachment
from therapyconnect.attachments.services import removing
from therapyconnect.attachments.services.scanning import LEASE_SECONDS
from therapyconnect.core import clock
from therapyconnect.core.connections import let_go
from therapyconnect.core.errors import (
    DomainError,
    NotFound,
    TooLarge,
    Unavailable,
    Unprocessable,
    UnsupportedType,
)
from therapyconnect.core.ids import AttachmentRef, new_attachment
from therapyconnect.core.queries import run
from therapyconnect.vault.cipher import Cipher

log = structlog.get_logger("therapyconnect.attachments")

_USED_SQL = """
    SELECT COALESCE(sum(size + COALESCE(thumbnail_size, 0)), 0) FROM attachments_attachment
    WHERE uploader_id = %s AND doomed_at IS NULL
"""
# Two uploads at once of one user must not both see room for themselves.
_ONE_AT_A_TIME_SQL = "SELECT pg_advisory_xact_lock(hashtextextended('attachments:' || %s, 0))"
_SCANNING_SQL = """
    UPDATE attachments_attachment SET state = 'scanning',
        due_at = statement_timestamp() + make_interval(secs => %s)
    WHERE chat_id = %s AND key = %s AND state = 'uploading' AND doomed_at IS NULL RETURNING 1
"""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as a client sent it: nothing of it is believed."""

    path: Path
    name: str
    declared_type: str


def receive(*, uploader_id: str, chat_id: str, upload: Upload, folder: Path) -> Stored:
    """Inspect, seal and store a file of a chat that the caller was let into; it is `scanning` then.

    `folder` is the upload's own, and goes with the request. Refused with 413, 415 or 422: nothing
    is kept. `Unavailable` where the store is away.
    """
    cipher = run(cipher_of(chat_id))
    let_go()
    inspected = _inspect(upload, folder)
    ref = new_attachment(chat_id)
    note(ref, uploader_id, inspected, cipher)
    try:
        stored = run(stored_attachment(ref))
        assert stored is not None
        let_go()
        store(stored, "content", inspected.content, folder, cipher)
        if inspected.thumbnail is not None:
            store(stored, "thumbnail", inspected.thumbnail, folder, cipher)
        mark_scanning(ref)
    except BaseException:
        removing.discard(ref)
        raise
    log.info("attachment.received", attachment_id=ref.id, size=stored.size)
    found = run(stored_attachment(ref))
    if found is None:
        raise NotFound()
    return found


def _inspect(upload: Upload, folder: Path) -> Inspected:
    work = folder / "work"
    work.mkdir(mode=0o700)
    try:
        return inspect(
            upload.path,
            name=clean_name(upload.name),
            declared_type=upload.declared_type,
            folder=work,
        )
    except Refused as refused:
        log.info("attachment.refused", code=refused.code)
        raise _refusal(refused) from None


def _refusal(refused: Refused) -> DomainError:
    kinds: dict[int, type[DomainError]] = {413: TooLarge, 415: UnsupportedType, 422: Unprocessable}
    return kinds[refused.status](refused.code, "This file is not taken.", "file")


def note(ref: AttachmentRef, uploader_id: str, inspected: Inspected, cipher: Cipher) -> None:
    """The row, before anything is stored; `TooLarge` where its uploader has no room for it."""
    size = inspected.content.stat().st_size
    thumbnail = inspected.thumbnail
    thumbnail_size = thumbnail.stat().st_size if thumbnail is not None else None
    now = clock.now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ONE_AT_A_TIME_SQL, (uploader_id,))
        cursor.execute(_USED_SQL, (uploader_id,))
        used = int(cursor.fetchone()[0])
        if used + size + (thumbnail_size or 0) > settings.THERAPYCONNECT["ATTACHMENT_QUOTA_BYTES"]:
            raise TooLarge("quota_exceeded", "No room left for this user's files.", "file")
        models.Attachment.objects.create(
            chat_id=ref.chat_id,
            key=ref.key,
            uploader_id=uploader_id,
            kind=inspected.kind,
            state=models.State.UPLOADING,
            content_type=inspected.content_type,
            name_sealed=seal_name(cipher, inspected.name, key=ref.key),
            size=size,
            thumbnail_size=thumbnail_size,
            object_name=storage.new_object_name(),
            thumbnail_name=storage.new_object_name() if thumbnail is not None else None,
            created_at=now,
            due_at=now,
        )


def store(stored: Stored, part: Part, source: Path, folder: Path, cipher: Cipher) -> None:
    """Seal a part and put it into the store; `Unavailable` where that did not work."""
    found = stored.object_of(part)
    assert found is not None
    sealed = folder / f"{part}.sealed"
    objects.seal_file(source, sealed, ref=stored.ref, part=part, cipher=cipher)
    source.unlink()
    try:
        storage.put(found[0], sealed)
    except storage.StoreDown as error:
        log.error("attachment.store_down", error=str(error))
        raise Unavailable("attachment_unavailable") from None
    sealed.unlink()


def mark_scanning(ref: AttachmentRef) -> None:
    """All of it is stored; whoever marks it is the first to scan it."""
    with connection.cursor() as cursor:
        cursor.execute(_SCANNING_SQL, (LEASE_SECONDS, *ref))
        if cursor.fetchone() is None:  # it took so long that it was given up
            raise Unavailable("attachment_unavailable")
