"""Where each sealed value of a chat belongs: the context that its seal is bound to."""

from __future__ import annotations

from typing import Any

import msgspec

from therapyconnect.vault.cipher import Cipher

MESSAGE = "messaging_message"
ROOM = "messaging_chatroom"


def seal_text(cipher: Cipher, text: str, *, seq: int, version: int) -> bytes:
    return cipher.seal(text.encode(), table=MESSAGE, column="text", row=f"{seq}.{version}")


def open_text(cipher: Cipher, sealed: bytes, *, seq: int, version: int) -> str:
    return cipher.open(sealed, table=MESSAGE, column="text", row=f"{seq}.{version}").decode()


def seal_payload(cipher: Cipher, payload: dict[str, Any], *, seq: int, version: int) -> bytes:
    value = msgspec.json.encode(payload)
    return cipher.seal(value, table=MESSAGE, column="payload", row=f"{seq}.{version}")


def open_payload(cipher: Cipher, sealed: bytes, *, seq: int, version: int) -> dict[str, Any]:
    value = cipher.open(sealed, table=MESSAGE, column="payload", row=f"{seq}.{version}")
    return msgspec.json.decode(value, type=dict[str, Any])


def seal_room_text(cipher: Cipher, text: str, *, column: str) -> bytes | None:
    return cipher.seal(text.encode(), table=ROOM, column=column, row="1") if text else None


def open_room_text(cipher: Cipher, sealed: bytes | None, *, column: str) -> str:
    if sealed is None:
        return ""
    return cipher.open(sealed, table=ROOM, column=column, row="1").decode()
