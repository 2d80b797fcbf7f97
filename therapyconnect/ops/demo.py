"""The demo: a clinic of two therapists, six patients and an administrator.

Everything goes through the services, so it is what an integrator's own calls would make. Running
it again changes nothing. It does not exist in production mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import structlog
from django.conf import settings

from therapyconnect.accounts.models import Session, User
from therapyconnect.accounts.principal import Principal
from therapyconnect.accounts.selectors import active_relationship, user_by_id
from therapyconnect.accounts.services.relationships import create_relationship
from therapyconnect.accounts.services.sessions import open_sessions
from therapyconnect.accounts.services.users import create_user
from therapyconnect.accounts.tokens import mint_access
from therapyconnect.attachments.incoming import incoming
from therapyconnect.attachments.services.receiving import Upload
from therapyconnect.core.errors import DomainError
from therapyconnect.core.ids import chat_id_for, role_of
from therapyconnect.messaging.models import Message
from therapyconnect.messaging.services.attaching import attach
from therapyconnect.messaging.services.changing import update_status
from therapyconnect.messaging.services.chats import create_or_get_chat
from therapyconnect.messaging.services.engine import Make, ask_all
from therapyconnect.messaging.services.requests import Send
from therapyconnect.messaging.services.sending import (
    Reply,
    build_send,
    mark_all_read,
    send_message,
)
from therapyconnect.messaging.shapes import ChatStatus

log = structlog.get_logger("therapyconnect.ops.demo")

DEMO_PASSWORD: Final = "demo-therapyconnect"  # noqa: S105  public, and refused in production


class DemoUser(NamedTuple):
    id: str
    email: str
    first_name: str
    last_name: str
    cares_for: tuple[str, ...] = ()


DEMO_THERAPIST: Final = DemoUser(
    "t_abc123",
    "therapist@demo.test",
    "Anna",
    "B.",
    ("p_xyz789", "p_uvw012", "p_lea4417", "p_noah228", "p_ines903"),
)
DEMO_USERS: Final = (
    DemoUser("p_xyz789", "patient@demo.test", "Mira", "K."),
    DemoUser("p_uvw012", "patient2@demo.test", "Elif", "S."),
    DemoUser("p_rst345", "patient3@demo.test", "Tomás", "R."),
    DemoUser("p_lea4417", "patient4@demo.test", "Lea", "M."),
    DemoUser("p_noah228", "patient5@demo.test", "Noah", "V."),
    DemoUser("p_ines903", "patient6@demo.test", "Inês", "P."),
    DEMO_THERAPIST,
    DemoUser("t_def456", "therapist2@demo.test", "Jonas", "H.", ("p_rst345",)),
    DemoUser("a_admin1", "admin@demo.test", "Clinic", "Administrator"),
)


class Line(NamedTuple):
    """What somebody says."""

    sender_id: str
    text: str
    emergency: bool = False


# The pair t_abc123 and p_xyz789 is left without a chat: making it is the guide's first step.
_URGENT: Final = (
    Line("p_uvw012", "Good evening. I could not sleep again."),
    Line("t_abc123", "Thank you for writing. What kept you awake?"),
    Line("p_uvw012", "Mostly the appointment at work tomorrow."),
    Line("p_uvw012", "I am not doing well tonight.", emergency=True),
)
_UNREAD: Final = (
    Line("t_abc123", "How did the conversation with your sister go?"),
    Line("p_lea4417", "Better than I feared. We talked for an hour."),
    Line("p_lea4417", "Could we move Thursday to the afternoon?"),
)
_BLOCKED: Final = (
    Line("p_noah228", "The breathing exercise helps, mostly in the mornings."),
    Line("t_abc123", "That is good to hear. Keep the evenings for it as well."),
    Line("p_noah228", "I would like to write to nobody for a while."),
)
_ARCHIVED: Final = (Line("p_ines903", "Thank you for this year. I will write if I need to."),)
_LONG_TALK: Final = 500
_FILE_SENT: Final = "demo-file"
_PLAN: Final = """\
An evening, in small steps

19:00  a walk, also a short one
20:30  the telephone goes to another room
21:00  write down three things that tomorrow may bring
22:30  lights out; who lies awake for long gets up and reads
"""


def seed_demo() -> None:
    """Make the demo's accounts, relationships and chats, where they are missing."""
    if settings.THERAPYCONNECT["MODE"] != "demo":
        raise RuntimeError("demo data is for demo mode")
    for entry in DEMO_USERS:
        if user_by_id(entry.id) is None:
            create_user(
                id=entry.id,
                email=entry.email,
                password=DEMO_PASSWORD,
                first_name=entry.first_name,
                last_name=entry.last_name,
            )
    for entry in DEMO_USERS:
        for patient_id in entry.cares_for:
            if active_relationship(therapist_id=entry.id, patient_id=patient_id) is None:
                create_relationship(therapist_id=entry.id, patient_id=patient_id)
    _talk("t_abc123", "p_uvw012", _URGENT)
    _share_a_file()
    _talk("t_abc123", "p_lea4417", _UNREAD)
    _talk("t_abc123", "p_noah228", _BLOCKED, status="blocked", by="p_noah228")
    _talk("t_abc123", "p_ines903", _ARCHIVED, status="archived", by="t_abc123")
    long_talk = [
        Line(("t_def456", "p_rst345")[n % 2], f"Line {n + 1} of a long conversation.")
        for n in range(_LONG_TALK)
    ]
    _talk("t_def456", "p_rst345", long_talk)


def _talk(
    therapist_id: str,
    patient_id: str,
    lines: Sequence[Line],
    *,
    status: ChatStatus = "active",
    by: str = "",
) -> None:
    """A chat and what is said in it, made once; where it is put aside, read before."""
    people = {user_id: _principal(user_id) for user_id in (therapist_id, patient_id)}
    chat_id, created = create_or_get_chat(
        caller=people[therapist_id], therapist_id=therapist_id, patient_id=patient_id
    )
    if not created:
        return

    def said(number: int, line: Line) -> Make:
        def make(reply: Reply) -> Send:
            return build_send(
                sender=people[line.sender_id],
                chat_id=chat_id,
                text=line.text,
                message_type="text",
                emergency=line.emergency,
                reply_to=None,
                client_message_id=f"demo-{number}",
                attachment_id=None,
                payload=None,
                reply=reply,
            )

        return make

    ask_all([said(number, line) for number, line in enumerate(lines)])
    if status != "active":
        mark_all_read(reader=people[therapist_id], chat_id=chat_id, up_to_seq=None)
        update_status(caller=people[by], chat_id=chat_id, status=status)


def _share_a_file() -> None:
    """One message with a file, in the chat of the first talk; made once."""
    therapist = _principal("t_abc123")
    chat_id = chat_id_for(therapist_id=therapist.id, patient_id="p_uvw012")
    if Message.objects.filter(chat_id=chat_id, client_message_id=_FILE_SENT).exists():
        return
    with incoming().folder() as folder:
        path = folder / "upload"
        path.write_text(_PLAN, "utf-8")
        upload = Upload(path, "Evening plan.txt", "text/plain")
        try:
            file = attach(uploader=therapist, chat_id=chat_id, upload=upload, folder=folder)
        except DomainError as error:  # a demo without a file is better than none
            log.warning("demo.no_file", code=error.code)
            return
    send_message(
        sender=therapist,
        chat_id=chat_id,
        text="Here is the plan for the evening that we spoke about.",
        message_type="file",
        emergency=False,
        reply_to=None,
        client_message_id=_FILE_SENT,
        attachment_id=file.id,
        payload=None,
    )


def _principal(user_id: str) -> Principal:
    user = User.objects.get(id=user_id)
    return Principal(
        id=user.id,
        role=role_of(user.id),
        first_name=user.first_name,
        last_name=user.last_name,
        session_id="",
        expires_at=0,
    )


def demo_access_token() -> str | None:
    """A token of the demo's first therapist, in a session of its own; None without demo data."""
    user = User.objects.filter(id=DEMO_THERAPIST.id, is_active=True).first()
    if user is None:
        return None
    session_id = _docs_session.get(user.id)
    if session_id is None or not Session.objects.filter(key=session_id).exists():
        session_id = _docs_session[user.id] = open_sessions([user])[user.id]
    return mint_access(user_id=user.id, session_id=session_id)


# One session for all who read the documents, however often they are opened.
_docs_session: dict[str, str] = {}
