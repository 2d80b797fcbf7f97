"""Files of a chat: the guard before the upload, and the word to both when one has a new state."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import structlog
from django.db import connection

from therapyconnect.accounts.principal import Principal
from therapyconnect.attachments.selectors import Stored
from therapyconnect.attachments.services import receiving, scanning
from therapyconnect.attachments.services.receiving import Upload
from therapyconnect.attachments.shapes import Attachment
from therapyconnect.core.connections import let_go
from therapyconnect.core.errors import NotFound
from therapyconnect.core.ids import AttachmentRef
from therapyconnect.core.queries import run
from therapyconnect.messaging.policies.standing import refusal_to_send
from therapyconnect.messaging.selectors.access import access_chat
from therapyconnect.messaging.selectors.attachments import access_attachment, attachment_change
from therapyconnect.messaging.services.engine import publish

log = structlog.get_logger("therapyconnect.messaging.attaching")

MAX_BYTES: Final = 50 * 1024 * 1024
"""Of one file."""
FORM_BYTES: Final = 64 * 1024
"""For the form around it."""
SCAN_WAIT_SECONDS: Final = 3.0
"""How long an upload's answer waits for the scanner."""
UPLOAD_PATH: Final = "/api/attachments/"


def check_may_attach(*, uploader: Principal, chat_id: str) -> None:
    """A file is let in where its uploader could send a message now; else why not."""
    chat = run(access_chat(viewer=uploader, chat_id=chat_id))
    side = chat.side_of(uploader.id)
    if side is None:
        raise NotFound()
    refusal = refusal_to_send(chat.standing, side, emergency=False)
    if refusal is not None:
        raise refusal


def attach(*, uploader: Principal, chat_id: str, upload: Upload, folder: Path) -> Attachment:
    """Take a file into a chat. It is scanned at once; where that can't be, it stays `scanning`."""
    check_may_attach(uploader=uploader, chat_id=chat_id)
    stored = receiving.receive(
        uploader_id=uploader.id, chat_id=chat_id, upload=upload, folder=folder
    )
    _scan(stored)
    return run(access_attachment(viewer=uploader, attachment_id=stored.ref.id)).shape


def _scan(stored: Stored) -> None:
    """Begin to scan it, and wait a little: it is stored, so the upload is answered in any case."""
    scan = threading.Thread(target=_scan_and_tell, args=(stored,), name="scan", daemon=True)
    scan.start()
    let_go()
    scan.join(SCAN_WAIT_SECONDS)


def _scan_and_tell(stored: Stored) -> None:
    """Whatever becomes of this scan, the sweep goes on."""
    try:
        if scanning.scan(stored):
            tell([stored.ref])
    except Exception as error:
        name = type(error).__name__
        log.warning("attachment.scan_broke", attachment_id=stored.ref.id, error=name)
    finally:
        connection.close()  # this thread's own


def tell(refs: Iterable[AttachmentRef]) -> None:
    """Push the state of files to those who may know of them; a hint, like every push."""
    changes = [change for ref in refs if (change := run(attachment_change(ref))) is not None]
    publish([change for change in changes if change.audience])
