"""Changes of messages, chats and rooms as an edge asks for them: checked, then to the lanes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from therapyconnect.accounts.principal import Principal
from therapyconnect.core.errors import NotFound
from therapyconnect.core.ids import MessageRef, parse_chat_id, parse_message_id, parse_room_id
from therapyconnect.messaging.policies.content import check_text
from therapyconnect.messaging.services.engine import ask
from therapyconnect.messaging.services.requests import (
    Amendment,
    Answer,
    Change,
    Changed,
    Delete,
    Edit,
    Flag,
    Outcome,
    Restore,
    SetRoom,
    SetStatus,
)
from therapyconnect.messaging.shapes import AppointmentAnswer, ChatStatus

Reply = Callable[[Outcome], None]


def build_edit(
    *, caller: Principal, message_id: str, text: str, reply: Reply, origin: object = None
) -> Edit:
    """An `Edit` whose text was checked; whose message it is, is judged in the batch."""
    ref = _message_of(caller, message_id)
    check_text(text)
    return Edit(
        chat_id=ref.chat_id, user_id=caller.id, seq=ref.seq, text=text, reply=reply, origin=origin
    )


def build_delete(
    *, caller: Principal, message_id: str, reply: Reply, origin: object = None
) -> Delete:
    ref = _message_of(caller, message_id)
    return Delete(chat_id=ref.chat_id, user_id=caller.id, seq=ref.seq, reply=reply, origin=origin)


def edit_message(*, caller: Principal, message_id: str, text: str) -> Changed:
    """A new version of a message's text."""
    return _ask(partial(build_edit, caller=caller, message_id=message_id, text=text))


def delete_message(*, caller: Principal, message_id: str) -> Changed:
    """Take a message away; it keeps its place, and can be restored."""
    return _ask(partial(build_delete, caller=caller, message_id=message_id))


def restore_message(*, caller: Principal, message_id: str) -> Changed:
    return _amend(Restore, caller, message_id)


def mark_emergency(*, caller: Principal, message_id: str) -> Changed:
    """Flag a message; a patient's raises the alert."""
    return _amend(Flag, caller, message_id)


def answer_appointment(
    *,
    caller: Principal,
    message_id: str,
    answer: AppointmentAnswer,
    start: datetime | None,
    end: datetime | None,
    time_zone: str | None,
) -> Changed:
    return _amend(
        Answer, caller, message_id, answer=answer, start=start, end=end, time_zone=time_zone
    )


def update_status(*, caller: Principal, chat_id: str, status: ChatStatus) -> Changed:
    """Set or lift what the caller may of the chat's status."""
    pair = parse_chat_id(chat_id)
    if pair is None or (caller.role != "admin" and caller.id not in pair):
        raise NotFound()
    return _ask(partial(SetStatus, chat_id=chat_id, user_id=caller.id, status=status))


def update_room(*, caller: Principal, room_id: str, **changes: Any) -> Changed:
    """Set what of the room is given: the fields of `SetRoom`."""
    chat_id = parse_room_id(room_id)
    if chat_id is None or (
        caller.role != "admin" and caller.id not in (parse_chat_id(chat_id) or ())
    ):
        raise NotFound()
    return _ask(partial(SetRoom, chat_id=chat_id, user_id=caller.id, **changes))


def _amend(kind: type[Amendment], caller: Principal, message_id: str, **fields: Any) -> Changed:
    ref = _message_of(caller, message_id)
    return _ask(partial(kind, chat_id=ref.chat_id, user_id=caller.id, seq=ref.seq, **fields))


def _message_of(caller: Principal, message_id: str) -> MessageRef:
    """The message that an id names, where its chat is one of the caller's."""
    ref = parse_message_id(message_id)
    if ref is None or caller.id not in (parse_chat_id(ref.chat_id) or ()):
        raise NotFound()
    return ref


def _ask(make: Callable[..., Change]) -> Changed:
    changed = ask(lambda reply: make(reply=reply))
    assert isinstance(changed, Changed)
    return changed
