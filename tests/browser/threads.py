"""What is said in a chat, past the screens; and what the log of it shows of where it stands."""

from __future__ import annotations

from typing import Any

import httpx
from playwright.sync_api import Page

from tests.browser.screens import log
from tests.harness.server import LiveServer, Pair


def say(
    server: LiveServer, pair: Pair, who: str, *texts: str, **fields: Any
) -> list[dict[str, Any]]:
    """Messages of the `therapist` or the `patient`, as the server answered them."""
    token = pair.therapist_token if who == "therapist" else pair.patient_token
    with server.api(token) as api:
        return [_said(api, chat_id=pair.chat_id, text=text, **fields) for text in texts]


def _said(api: httpx.Client, **body: Any) -> dict[str, Any]:
    answer = api.post("messages/", json=body)
    assert answer.status_code == 201, answer.text
    message: dict[str, Any] = answer.json()
    return message


def stored(server: LiveServer, pair: Pair) -> list[dict[str, Any]]:
    """All messages that the server holds of the chat, in order."""
    with server.api(pair.patient_token) as api:
        query = {"chat_id": pair.chat_id, "after_seq": 0, "limit": 200}
        results: list[dict[str, Any]] = api.get("messages/", params=query).json()["results"]
        return results


def read_seq(server: LiveServer, pair: Pair, who: str) -> int:
    """How far one of the two has read, as the server has it."""
    with server.api(pair.therapist_token) as api:
        return int(api.get(f"chats/{pair.chat_id}/").json()["receipts"][who]["read_seq"])


def scroll(page: Page, top: int) -> None:
    """So many pixels from the top; below 0, from the end."""
    log(page).evaluate(
        "(log, top) => { log.scrollTop = top < 0 ? log.scrollHeight + top : top }", top
    )


def from_end(page: Page) -> float:
    return float(log(page).evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight"))


def look_away(page: Page, away: bool = True) -> None:
    """As another tab in front of this one: a browser without a window hides none by itself."""
    page.evaluate(
        """state => {
            const seen = { configurable: true, get: () => state };
            Object.defineProperty(document, "visibilityState", seen);
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        "hidden" if away else "visible",
    )
