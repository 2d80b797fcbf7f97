"""The same send as plain Django does it: the ORM, in a thread for each message.

Same tables, same frames, same sealing, token and rules; one transaction for a message, a row lock
on its chat, model objects throughout. Plain ASGI on uvicorn, so that what is compared is the send.
"""

from __future__ import annotations

import asyncio
import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "therapyconnect.config.settings")

import django

django.setup()

from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from therapyconnect.accounts.models import CareRelationship, User  # noqa: E402
from therapyconnect.accounts.tokens import verify_access  # noqa: E402
from therapyconnect.core.ids import MessageRef  # noqa: E402
from therapyconnect.core.queries import run  # noqa: E402
from therapyconnect.messaging.models import Chat, Message, Receipt  # noqa: E402
from therapyconnect.messaging.selectors.ciphers import load_ciphers  # noqa: E402
from therapyconnect.messaging.selectors.seals import seal_text  # noqa: E402

# As many threads as the pool of the settings has connections.
_threads = ThreadPoolExecutor(8)
_sockets: dict[str, dict[Any, str]] = {}


@transaction.atomic
def write_message(chat_id: str, sender_id: str, text: str, client_id: str) -> dict[str, Any]:
    chat = Chat.objects.select_for_update(no_key=True).get(id=chat_id)
    message = Message.objects.filter(
        chat=chat, sender_id=sender_id, client_message_id=client_id
    ).first()
    if message is None:
        message = _create(chat, sender_id, text, client_id)
    sender = User.objects.get(id=sender_id)
    return {
        "id": MessageRef(chat_id, message.seq).id,
        "chat_id": chat_id,
        "seq": message.seq,
        "client_message_id": client_id,
        "sender_id": sender_id,
        "sender_name": f"{sender.first_name} {sender.last_name}",
        "text": text,
        "message_type": message.message_type,
        "emergency": message.emergency,
        "read_status": "sent",
        "timestamp": message.created_at.isoformat(),
    }


def _create(chat: Chat, sender_id: str, text: str, client_id: str) -> Message:
    if chat.archived_at or chat.blocked_by_therapist_at or chat.blocked_by_patient_at:
        raise PermissionError
    if chat.room.archived_at or not chat.room.therapist_can_send:
        raise PermissionError
    if not CareRelationship.objects.filter(
        therapist_id=chat.therapist_id, patient_id=chat.patient_id, ended_at=None
    ).exists():
        raise PermissionError
    cipher = run(load_ciphers([chat.id])).require(chat.id)
    now = timezone.now()
    seq = chat.last_seq + 1
    message = Message.objects.create(
        chat=chat,
        seq=seq,
        changed_seq=seq,
        sender_id=sender_id,
        client_message_id=client_id,
        fingerprint=cipher.fingerprint(text.encode()),
        message_type="text",
        text_sealed=seal_text(cipher, text, seq=seq, version=1),
        created_at=now,
    )
    chat.last_seq = chat.last_message_seq = seq
    chat.active_at = chat.updated_at = now
    chat.patient_unread_count += 1
    chat.save(
        update_fields=[
            "last_seq", "last_message_seq", "active_at", "updated_at", "patient_unread_count",
        ]
    )  # fmt: skip
    return message


@transaction.atomic
def mark_read(chat_id: str, reader_id: str, seq: int) -> dict[str, Any]:
    chat = Chat.objects.select_for_update(no_key=True).get(id=chat_id)
    now = timezone.now()
    if seq > chat.patient_read_seq:
        Receipt.objects.bulk_create(
            [Receipt(chat_id=chat_id, reader_id=reader_id, kind=k, up_to_seq=seq, at=now)
             for k in (Receipt.DELIVERED, Receipt.READ)],
            ignore_conflicts=True,
        )  # fmt: skip
        chat.patient_read_seq = chat.patient_delivered_seq = seq
        chat.patient_unread_count = Message.objects.filter(
            chat=chat, seq__gt=seq, sender_id=chat.therapist_id, deleted_at=None
        ).count()
        chat.save(
            update_fields=["patient_read_seq", "patient_delivered_seq", "patient_unread_count"]
        )
    return {"seq": seq, "user_id": reader_id, "read_at": now.isoformat()}


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    chat_id = scope["path"].split("/")[3]
    token = dict(scope["headers"])[b"authorization"].decode().removeprefix("Bearer ")
    user_id = verify_access(token).user_id
    loop = asyncio.get_running_loop()
    last_seq = (await loop.run_in_executor(_threads, lambda: Chat.objects.get(id=chat_id))).last_seq
    await send({"type": "websocket.accept"})
    await _say(send, {"type": "connection_established", "last_seq": last_seq})
    _sockets.setdefault(chat_id, {})[send] = user_id
    tasks = set()
    try:
        while (event := await receive())["type"] != "websocket.disconnect":
            task = asyncio.create_task(_handle(json.loads(event["text"]), chat_id, user_id, send))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
    finally:
        del _sockets[chat_id][send]


async def _handle(asked: dict[str, Any], chat_id: str, user_id: str, send: Any) -> None:
    loop = asyncio.get_running_loop()
    if asked["type"] == "message_read":
        receipt = await loop.run_in_executor(_threads, mark_read, chat_id, user_id, asked["seq"])
        for other in _sockets[chat_id]:
            await _say(other, {"type": "message_read_receipt", **receipt})
        return
    message = await loop.run_in_executor(
        _threads, write_message, chat_id, user_id, asked["text"], asked["client_message_id"]
    )
    for other in _sockets[chat_id]:
        own = {"ref": asked["ref"]} if other is send else {}
        await _say(other, {"type": "chat_message", **own, "message": message})


async def _say(send: Any, frame: dict[str, Any]) -> None:
    await send({"type": "websocket.send", "text": json.dumps(frame, separators=(",", ":"))})
