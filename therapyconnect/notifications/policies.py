"""Who may write notifications, to whom, and which words. Pure: facts in, a reason or None out."""

from __future__ import annotations

from collections.abc import Sequence

from therapyconnect.core.errors import Forbidden, Invalid, Problem
from therapyconnect.core.ids import Role, is_user_id
from therapyconnect.core.text import encodable
from therapyconnect.notifications.shapes import MAX_BODY, MAX_TITLE


def check_author(role: Role) -> None:
    """Only an administrator writes notifications; the server makes its own without asking."""
    if role != "admin":
        raise Forbidden("admin_only", "Only an administrator writes notifications.")


def recipients_problem(user_ids: Sequence[str] | None, *, everyone: bool) -> Problem | None:
    """Why nobody, or nobody in particular, was named."""
    if user_ids is None and not everyone:
        return Problem("required", "Give user_ids, or everyone.", "user_ids")
    if user_ids is not None and everyone:
        return Problem("invalid", "Give user_ids or everyone, not both.", "everyone")
    return None


def words_problems(*, title: str, body: str) -> list[Problem]:
    """What is wrong with the words; a body may be empty. Nothing is trimmed."""
    problems: list[Problem] = []
    if title.isspace():
        problems.append(Problem("blank", "The title is only white space.", "title"))
    for name, text, least, most in (("title", title, 1, MAX_TITLE), ("body", body, 0, MAX_BODY)):
        if not least <= len(text) <= most:
            problems.append(Problem("invalid", f"{least} to {most} characters.", name))
        if "\x00" in text:
            problems.append(Problem("null_character", "The text holds a NUL character.", name))
        elif not encodable(text):
            problems.append(Problem("invalid", "The text is not valid Unicode.", name))
    return problems


def check_ids(user_ids: Sequence[str]) -> None:
    """They must at least look like ids of users: what does not could name no row."""
    if not all(map(is_user_id, user_ids)):
        raise _not_users()


def check_known(user_ids: Sequence[str], active: set[str]) -> None:
    """Everyone who is named must be an active user: none is left out in silence."""
    if not active.issuperset(user_ids):
        raise _not_users()


def _not_users() -> Invalid:
    return Invalid("invalid", "Some of them are not ids of active users.", "user_ids")
