"""The guard of attachments: a file comes to a reader only through here.

One that no message carries is its uploader's alone. From then on it is seen by whoever sees the
message, and as long as that is not deleted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from therapyconnect.accounts.principal import Principal
from therapyconnect.attachments.selectors import Stored, cipher_of, stored_attachment
from therapyconnect.attachments.shapes import Attachment
from therapyconnect.core.errors import NotFound
from therapyconnect.core.hub import AttachmentChanged
from therapyconnect.core.ids import AttachmentRef, parse_attachment_id
from therapyconnect.core.queries import Query, Reading
from therapyconnect.messaging.policies.history import can_see
from therapyconnect.messaging.selectors.access import (
    ACCESS_SQL,
    ChatAccess,
    access_chat,
    access_from_row,
)
from therapyconnect.vault.cipher import Cipher

_DELETED_SQL: Final = (
    "SELECT deleted_at IS NOT NULL FROM messaging_message WHERE chat_id = %s AND seq = %s"
)


@dataclass(slots=True)
class Found:
    """A file that its reader may see, and what opens it."""

    stored: Stored
    cipher: Cipher

    @property
    def shape(self) -> Attachment:
        return self.stored.shape(self.cipher)


def access_attachment(*, viewer: Principal, attachment_id: str) -> Reading[Found]:
    """The attachment, where `viewer` may see it, whatever its state; else `NotFound`."""
    ref = parse_attachment_id(attachment_id)
    if ref is None:
        raise NotFound()
    chat = yield from access_chat(viewer=viewer, chat_id=ref.chat_id)
    stored = yield from stored_attachment(ref)
    if stored is None or not (yield from _sees(chat, stored, viewer.id)):
        raise NotFound()
    return Found(stored, (yield from cipher_of(ref.chat_id)))


def attachment_change(ref: AttachmentRef) -> Reading[AttachmentChanged | None]:
    """The file as it stands now, for those who may know of it; None where nobody may.

    While the two are kept apart, only its uploader is told.
    """
    stored = yield from stored_attachment(ref)
    rows = yield Query(ACCESS_SQL, (ref.chat_id,))
    if stored is None or not rows:
        return None
    chat = access_from_row(rows[0])
    people = {chat.therapist_id, chat.patient_id}
    if chat.standing.bar is not None:
        people = {stored.uploader_id}
    audience = set()
    for user_id in people:
        if (yield from _sees(chat, stored, user_id)):
            audience.add(user_id)
    cipher = yield from cipher_of(ref.chat_id)
    return AttachmentChanged(ref.chat_id, stored.shape(cipher), frozenset(audience))


def _sees(chat: ChatAccess, stored: Stored, user_id: str) -> Reading[bool]:
    seq = stored.message_seq
    if seq is None:
        return user_id == stored.uploader_id
    if not can_see(seq, chat.hidden_seq_of(user_id)):
        return False
    rows = yield Query(_DELETED_SQL, (chat.id, seq))
    return bool(rows) and not rows[0][0]
