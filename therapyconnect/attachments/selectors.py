"""Reads of attachments: rows by their key, and what a message shows of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from therapyconnect.attachments.seals import Part, open_name
from therapyconnect.attachments.shapes import Attachment, AttachmentState, Kind
from therapyconnect.core.ids import AttachmentRef
from therapyconnect.core.queries import Query, Reading, Row
from therapyconnect.vault.cipher import Cipher
from therapyconnect.vault.ciphers import load_ciphers

# What a message shows: joined to its row `m`, which has the attachment's key. Index: primary key.
ATTACHED_COLUMNS: Final = "f.key, f.name_sealed, f.size, f.state"
ATTACHED_JOIN: Final = (
    "LEFT JOIN attachments_attachment f ON f.chat_id = m.chat_id AND f.key = m.attachment_id"
)

STORED_COLUMNS: Final = (
    "a.chat_id, a.key, a.uploader_id, a.kind, a.state, a.content_type, a.name_sealed, a.size,"
    " a.thumbnail_size, a.object_name, a.thumbnail_name, a.message_seq"
)
# What is doomed is there for nobody any more.
_STORED_SQL: Final = f"""
    SELECT {STORED_COLUMNS} FROM attachments_attachment a
    WHERE a.chat_id = %s AND a.key = %s AND a.doomed_at IS NULL
"""


@dataclass(slots=True)
class Stored:
    """A row, its name still sealed."""

    chat_id: str
    key: str
    uploader_id: str
    kind: Kind
    state: AttachmentState
    content_type: str
    name_sealed: bytes
    size: int
    thumbnail_size: int | None
    object_name: str
    thumbnail_name: str | None
    message_seq: int | None

    @property
    def ref(self) -> AttachmentRef:
        return AttachmentRef(self.chat_id, self.key)

    def name(self, cipher: Cipher) -> str:
        return open_name(cipher, self.name_sealed, key=self.key)

    def object_of(self, part: Part) -> tuple[str, int] | None:
        """The name and the length of one of its objects; None where it has none."""
        if part == "content":
            return self.object_name, self.size
        if self.thumbnail_name is None or self.thumbnail_size is None:
            return None
        return self.thumbnail_name, self.thumbnail_size

    def shape(self, cipher: Cipher) -> Attachment:
        return Attachment(
            id=self.ref.id,
            state=self.state,
            name=self.name(cipher),
            size=self.size,
            content_type=self.content_type,
        )


def stored_attachment(ref: AttachmentRef) -> Reading[Stored | None]:
    """The row, whoever may see it: the caller guards it."""
    rows = yield Query(_STORED_SQL, ref)
    return Stored(*rows[0]) if rows else None


def cipher_of(chat_id: str) -> Reading[Cipher]:
    store = yield from load_ciphers([chat_id])
    return store.require(chat_id)


def attached_fields(row: Row, *, chat_id: str, cipher: Cipher) -> dict[str, Any]:
    """The message's fields from a row of `ATTACHED_COLUMNS`; none where it has no attachment."""
    key, name_sealed, size, state = row
    if key is None:
        return {}
    return {
        "attachment_url": url_of(AttachmentRef(chat_id, key)),
        "attachment_name": open_name(cipher, name_sealed, key=key),
        "attachment_size": size,
        "attachment_state": state,
    }


def fields_of(stored: Stored, cipher: Cipher) -> dict[str, Any]:
    """The same of a row that was read by itself."""
    row = (stored.key, stored.name_sealed, stored.size, stored.state)
    return attached_fields(row, chat_id=stored.chat_id, cipher=cipher)


def url_of(ref: AttachmentRef) -> str:
    return f"/api/attachments/{ref.id}/"
