"""The reads that are measured: who asks for what, over the wire and of the selector alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.reads import clinic
from therapyconnect.accounts.principal import Principal
from therapyconnect.core.ids import role_of
from therapyconnect.core.pagination import Cursor, encode_cursor
from therapyconnect.core.queries import Query, Reading, run
from therapyconnect.messaging.selectors.chats import ChatFilters, chat_detail
from therapyconnect.messaging.selectors.events import resume
from therapyconnect.messaging.selectors.messages import MessageFilters, message_page
from therapyconnect.messaging.selectors.positions import chat_positions
from therapyconnect.messaging.selectors.priority import ordered_page
from therapyconnect.messaging.selectors.search import SearchFilters, search_page
from therapyconnect.messaging.selectors.unread import UnreadFilters, unread_page

SEARCH_SECONDS = 0.3  # as the product looks, a request


@dataclass(frozen=True)
class Read:
    """`body`: posted, where there is one. `path` None: over a socket, or not by itself."""

    name: str
    label: str
    viewer_id: str
    path: str | None
    reading: Callable[[], Reading[Any]]
    body: dict[str, str] | None = None


def viewer_of(user_id: str) -> Principal:
    return Principal(user_id, role_of(user_id), "", "", session_id="", expires_at=0)


def reads(chats: list[clinic.Chat]) -> list[Read]:
    """All of them for a clinic of these chats, from the connection that Django has."""
    deep = next(chat for chat in chats if chat.therapist_id == clinic.DEEP)
    busy = [chat for chat in chats if chat.therapist_id == clinic.BUSY]
    middle = deep.length // 2
    return [
        _history("history", "History page, newest", deep.id, None),
        _history("history-deep", "History page, half way back", deep.id, middle),
        _resume("resume", "Resume, last 50 events", deep.id, deep.length - 50),
        _resume("resume-deep", "Resume, 50 events half way", deep.id, middle),
        _chats("recent", "Chat list, recent"),
        _chats("recent-deep", "Chat list, recent, half way", cursor=_half_way(len(busy) // 2)),
        _chats("recent-unread", "Chat list, unread only", unread=True),
        _chats("recent-archived", "Chat list, archived: none", status="archived"),
        _chats("priority", "Chat list, priority", ordering="priority"),
        _chats(
            "priority-deep", "Chat list, priority, half way", ordering="priority",
            cursor=_half_way(len(busy) // 2, rank="2:"),
        ),
        _unread("unread", "Unread messages, all chats", None),
        _unread("unread-one", "Unread messages, one chat", busy[0].id),
        Read(
            "detail", "Chat detail", clinic.BUSY, f"chats/{busy[0].id}/",
            lambda: chat_detail(viewer=viewer_of(clinic.BUSY), chat_id=busy[0].id),
        ),
        _search("search", "Search, a frequent word", "better"),
        _search("search-rare", "Search, 1 message in 500", "lighthouse"),
        Read(
            "positions", "User socket's start", clinic.BUSY, None,
            lambda: chat_positions(viewer=viewer_of(clinic.BUSY)),
        ),
    ]  # fmt: skip


def _history(name: str, label: str, chat_id: str, before: int | None) -> Read:
    filters = MessageFilters(chat_id=chat_id, before_seq=before)
    path = f"messages/?chat_id={chat_id}" + (f"&before_seq={before}" if before else "")
    return Read(
        name, label, clinic.DEEP, path,
        lambda: message_page(viewer=viewer_of(clinic.DEEP), filters=filters),
    )  # fmt: skip


def _resume(name: str, label: str, chat_id: str, after: int) -> Read:
    return Read(
        name, label, clinic.DEEP, f"chats/{chat_id}/events/?after_seq={after}",
        lambda: resume(
            viewer=viewer_of(clinic.DEEP), chat_id=chat_id, after_seq=after, limit=50
        ),
    )  # fmt: skip


def _chats(name: str, label: str, **asked: Any) -> Read:
    filters = ChatFilters(**asked)
    query = "&".join(f"{key}={str(value).lower() if value is True else value}"
                     for key, value in asked.items())  # fmt: skip
    return Read(
        name, label, clinic.BUSY, f"chats/?{query}",
        lambda: ordered_page(viewer=viewer_of(clinic.BUSY), filters=filters),
    )  # fmt: skip


def _unread(name: str, label: str, chat_id: str | None) -> Read:
    filters = UnreadFilters(chat_id=chat_id)
    path = "messages/get_unread_messages/" + (f"?chat_id={chat_id}" if chat_id else "")
    return Read(
        name, label, clinic.BUSY, path,
        lambda: unread_page(viewer=viewer_of(clinic.BUSY), filters=filters),
    )  # fmt: skip


def _search(name: str, label: str, q: str) -> Read:
    return Read(
        name, label, clinic.SEARCHED, "messages/search/",
        lambda: search_page(
            viewer=viewer_of(clinic.SEARCHED), q=q, chat_id=None, filters=SearchFilters(),
            seconds=SEARCH_SECONDS,
        ),
        body={"q": q},
    )  # fmt: skip


def _half_way(skipped: int, *, rank: str = "") -> str:
    """A cursor of the busy therapist's list, so many chats from its start."""

    def place() -> Reading[Cursor]:
        rows = yield Query(
            "SELECT active_at, id FROM messaging_chat WHERE therapist_id = %s"
            " ORDER BY active_at DESC, id DESC OFFSET %s LIMIT 1",
            (clinic.BUSY, skipped),
        )
        return Cursor(rows[0][0], rank + rows[0][1])

    return encode_cursor(run(place()))
