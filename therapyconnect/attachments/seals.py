"""Where the sealed parts of an attachment belong: its name in the row, its objects in the store."""

from __future__ import annotations

from typing import Final, Literal

from therapyconnect.core.ids import AttachmentRef
from therapyconnect.vault.cipher import Cipher

Part = Literal["content", "thumbnail"]
PURPOSE: Final = "attachment"
_TABLE: Final = "attachments_attachment"


def seal_name(cipher: Cipher, name: str, *, key: str) -> bytes:
    return cipher.seal(name.encode(), table=_TABLE, column="name", row=key)


def open_name(cipher: Cipher, sealed: bytes, *, key: str) -> str:
    return cipher.open(sealed, table=_TABLE, column="name", row=key).decode()


def place_of(ref: AttachmentRef, part: Part, size: int) -> bytes:
    """What an object's seal is bound to: nothing else opens there, and nothing shorter."""
    return f"{_TABLE}\x1f{ref.chat_id}\x1f{ref.key}\x1f{part}\x1f{size}".encode()
