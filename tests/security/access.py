"""Who may do what, as data: every operation of the API, every frame, every way to open a socket.

`docs/guide/access.md` shows the same tables; `python -m tests.security.access` writes it anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

GUIDE: Final = Path(__file__).resolve().parents[2] / "docs" / "guide" / "access.md"


class Row(NamedTuple):
    """What each is answered: an HTTP status, or for a frame its answer; a refusal with its code.

    `-` stands where the columns of an ended relationship add nothing.
    """

    therapist: str
    patient: str
    strangers: str
    """Another therapist, another patient, who once cared for this patient, whom this therapist
    once cared for: the same for all of them."""
    admin: str
    ended_therapist: str
    ended_patient: str


COLUMNS: Final = {
    "therapist": "the chat's therapist",
    "patient": "the chat's patient",
    "strangers": "anyone else who treats or is treated",
    "admin": "administrator",
    "ended_therapist": "therapist, care ended",
    "ended_patient": "patient, care ended",
}

NOT_SENDER: Final = "403 not_sender"
NOT_RECIPIENT: Final = "403 not_recipient"
THERAPIST_ONLY: Final = "403 therapist_only"
ADMIN_ONLY: Final = "403 admin_only"
NO_PART: Final = "403 not_a_participant"
ENDED: Final = "403 relationship_ended"

# An operation of the document, with the case in brackets where one operation has several. The
# message it is about was said by the therapist, with the attachment; the alert is the patient's,
# the notification the therapist's. In the two last columns the same is asked of a chat whose care
# relationship ended.
OPERATIONS: Final[dict[str, Row]] = {
    "POST /api/chats/create_or_get_chat/": Row("200", "200", "404", "200", "404", "404"),
    "GET /api/chats/get_user_chats/": Row("200", "200", "200", NO_PART, "200", "200"),
    "GET /api/chats/": Row("200", "200", "200", "200", "200", "200"),
    "GET /api/chats/{id}/": Row("200", "200", "404", "200", "200", "200"),
    "DELETE /api/chats/{id}/": Row("200", THERAPIST_ONLY, "404", NO_PART, ENDED, THERAPIST_ONLY),
    "GET /api/chats/{id}/events/": Row("200", "200", "404", "404", "200", "200"),
    "POST /api/chats/{id}/toggle_notifications/": Row("200", "200", "404", "404", "200", "200"),
    "POST /api/chats/{id}/mark_all_read/": Row("200", "200", "404", "404", "200", "200"),
    "POST /api/chats/{id}/mark_unread/": Row("200", "200", "404", "404", "200", "200"),
    "POST /api/chats/{id}/update_status/ (archive)": Row(
        "200", THERAPIST_ONLY, "404", NO_PART, "200", THERAPIST_ONLY
    ),
    "POST /api/chats/{id}/update_status/ (block)": Row("200", "200", "404", NO_PART, "200", "200"),
    "POST /api/chats/{id}/update_status/ (delete)": Row(
        "200", THERAPIST_ONLY, "404", NO_PART, ENDED, THERAPIST_ONLY
    ),
    "POST /api/chats/{id}/update_status/ (restore)": Row("404", "404", "404", "200", "404", "404"),
    "POST /api/chats/{id}/update_status/ (lift the therapist's block)": Row(
        "200", "403 blocked_by_other", "404", "200", "200", "403 blocked_by_other"
    ),
    "GET /api/messages/": Row("200", "200", "404", "404", "200", "200"),
    "POST /api/messages/": Row("201", "201", "404", "404", ENDED, ENDED),
    "POST /api/messages/send_message/": Row("201", "201", "404", "404", ENDED, ENDED),
    "POST /api/messages/send_message/ (emergency)": Row("201", "201", "404", "404", ENDED, ENDED),
    "POST /api/messages/send_message/ (prescription)": Row(
        "201",
        "400 prescription_by_therapist",
        "404",
        "404",
        ENDED,
        "400 prescription_by_therapist",
    ),
    "GET /api/messages/{id}/": Row("200", "200", "404", "404", "200", "200"),
    "GET /api/messages/{id}/history/": Row("200", "200", "404", "404", "200", "200"),
    "POST /api/messages/{id}/mark_read/": Row(
        NOT_RECIPIENT, "200", "404", "404", NOT_RECIPIENT, "200"
    ),
    "POST /api/messages/{id}/mark_delivered/": Row(
        NOT_RECIPIENT, "200", "404", "404", NOT_RECIPIENT, "200"
    ),
    "POST /api/messages/{id}/edit_message/": Row(
        "200", NOT_SENDER, "404", "404", ENDED, NOT_SENDER
    ),
    "POST /api/messages/{id}/delete_message/": Row(
        "200", NOT_SENDER, "404", "404", "200", NOT_SENDER
    ),
    "POST /api/messages/{id}/restore_message/": Row(
        "200", NOT_SENDER, "404", "404", "200", NOT_SENDER
    ),
    "POST /api/messages/{id}/mark_emergency/": Row(
        "200", NOT_SENDER, "404", "404", ENDED, NOT_SENDER
    ),
    "POST /api/messages/{id}/answer/ (accept)": Row(
        NOT_RECIPIENT, "200", "404", "404", ENDED, ENDED
    ),
    "POST /api/messages/{id}/answer/ (cancel)": Row("200", "200", "404", "404", ENDED, ENDED),
    "GET /api/messages/{id}/calendar.ics": Row("200", "200", "404", "404", "200", "200"),
    "GET /api/messages/get_unread_messages/": Row("200", "200", "404", NO_PART, "200", "200"),
    "POST /api/messages/search/": Row("200", "200", "404", NO_PART, "200", "200"),
    "POST /api/attachments/": Row("201", "201", "404", "404", ENDED, ENDED),
    "GET /api/attachments/{id}/": Row("200", "200", "404", "404", "200", "200"),
    "GET /api/attachments/{id}/thumbnail/": Row("200", "200", "404", "404", "200", "200"),
    "GET /api/attachments/{id}/status/": Row("200", "200", "404", "404", "200", "200"),
    "GET /api/emergencies/": Row("200", "200", "404", NO_PART, "200", "200"),
    "POST /api/emergencies/{id}/acknowledge/": Row(
        "200", THERAPIST_ONLY, "404", "404", "200", THERAPIST_ONLY
    ),
    "POST /api/emergencies/{id}/resolve/": Row(
        "200", THERAPIST_ONLY, "404", "404", "200", THERAPIST_ONLY
    ),
    "GET /api/chat-rooms/": Row("200", "200", "200", "200", "200", "200"),
    "GET /api/chat-rooms/{id}/": Row("200", "200", "404", "200", "200", "200"),
    "PATCH /api/chat-rooms/{id}/": Row("200", THERAPIST_ONLY, "404", "200", ENDED, THERAPIST_ONLY),
    "POST /api/chat-rooms/{id}/update_permissions/": Row(
        "200", THERAPIST_ONLY, "404", "200", ENDED, THERAPIST_ONLY
    ),
    "POST /api/chat-rooms/{id}/archive_room/": Row(
        "200", THERAPIST_ONLY, "404", "200", ENDED, THERAPIST_ONLY
    ),
    "POST /api/chat-rooms/{id}/activate_room/": Row(
        "200", THERAPIST_ONLY, "404", "200", ENDED, THERAPIST_ONLY
    ),
    "GET /api/care-relationships/": Row("200", "200", "200", "200", "200", "200"),
    "POST /api/care-relationships/": Row(
        ADMIN_ONLY, ADMIN_ONLY, ADMIN_ONLY, "201", ADMIN_ONLY, ADMIN_ONLY
    ),
    "POST /api/care-relationships/{id}/end/": Row(
        "200", THERAPIST_ONLY, "404", "200", "200", THERAPIST_ONLY
    ),
    "GET /api/notifications/": Row("200", "200", "200", "200", "-", "-"),
    "POST /api/notifications/": Row(ADMIN_ONLY, ADMIN_ONLY, ADMIN_ONLY, "201", "-", "-"),
    "POST /api/notifications/{id}/mark_read/": Row("200", "404", "404", "404", "-", "-"),
    "GET /api/me/": Row("200", "200", "200", "200", "-", "-"),
    "GET /api/me/settings/": Row("200", "200", "200", "200", "-", "-"),
    "PATCH /api/me/settings/": Row("200", "200", "200", "200", "-", "-"),
    "GET /api/me/crisis-resources/": Row("200", "200", "200", "200", "-", "-"),
}

# What a frame is answered with: the answer's type, the error's code, or nothing.
SILENCE: Final = "nothing"
FRAMES: Final[dict[str, Row]] = {
    "chat_message": Row(
        "chat_message", "chat_message", "not_found", "not_found",
        "relationship_ended", "relationship_ended",
    ),
    "chat_message (emergency)": Row(
        "chat_message", "chat_message", "not_found", "not_found",
        "relationship_ended", "relationship_ended",
    ),
    "typing": Row(
        SILENCE, SILENCE, "not_found", "not_found", "relationship_ended", "relationship_ended"
    ),
    "message_delivered": Row(
        "not_recipient", "message_delivered_receipt", "not_found", "not_found",
        "not_recipient", "message_delivered_receipt",
    ),
    "message_read": Row(
        "not_recipient", "message_read_receipt", "not_found", "not_found",
        "not_recipient", "message_read_receipt",
    ),
    "message_edited": Row(
        "message_edited", "not_sender", "not_found", "not_found",
        "relationship_ended", "not_sender",
    ),
    "message_deleted": Row(
        "message_deleted", "not_sender", "not_found", "not_found", "message_deleted", "not_sender"
    ),
    "resume": Row("resumed", "resumed", "not_found", "not_found", "resumed", "resumed"),
    "ping": Row("pong", "pong", "pong", "pong", "pong", "pong"),
    # Always with the therapist's token: only on the therapist's own session it is taken.
    "authenticate (the therapist's token)": Row(
        SILENCE, "not_authenticated", "not_authenticated", "not_authenticated", "-", "-"
    ),
}  # fmt: skip

# A socket is opened, or refused before the upgrade.
OPENINGS: Final[dict[str, Row]] = {
    "/ws/chat/{chat_id}/": Row("opened", "opened", "404", "404", "opened", "opened"),
    "/ws/notifications/{user_id}/": Row(
        "opened", "403 identity_mismatch", "403 identity_mismatch", "403 identity_mismatch",
        "-", "-",
    ),
}  # fmt: skip

_ABOUT: Final = """\
# Who may do what

Tested cell by cell against the running server (`tests/security/test_access_matrix.py`); an
operation or a frame without a row here fails that test. Without a token, and with a token whose
session was ended, every row answers `401`.

"Anyone else" is each of: a therapist and a patient who have nothing to do with the two; a therapist
who cared for this patient before; a patient whom this therapist cared for before. Where they get
`404`, it is the same answer as for an id that never was. Where they get `200`, they get their own
and nothing of this chat.

In each row the message was said by the therapist, with the attachment, the alert is the patient's,
and the notification the therapist's. The two last columns are about two people's own chat after
their care relationship ended: it can be read, and nothing can be said in it. `-`: no chat is
concerned. An administrator's `200` holds ids, status and rooms, never a text or a count.
"""


def guide() -> str:
    """The page that people read."""
    parts = [
        _ABOUT,
        "## Operations\n\nAn administrator's 200 to lifting a block changes nothing: only a"
        " deletion is theirs to lift.\n",
        _table("operation", OPERATIONS),
        "## Frames on an open socket\n\nThe type of the answer, or the code of the error.\n",
        _table("frame", FRAMES),
        "## Opening a socket\n\n`/ws/notifications/{user_id}/` is asked with the therapist's id.\n",
        _table("socket", OPENINGS),
    ]
    return "\n".join(parts)


def _table(what: str, rows: dict[str, Row]) -> str:
    head = [what, *(COLUMNS[name] for name in Row._fields)]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| `{name}` | {' | '.join(row)} |" for name, row in rows.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    GUIDE.write_text(guide())
