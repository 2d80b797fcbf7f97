"""The final state of a chat, read through REST by both of its people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from tests.acceptance.history import Told
from tests.harness.server import Pair

PAGE = 200


@dataclass(slots=True)
class Final:
    """A chat once nobody writes any more: history pages, events, detail."""

    chat_id: str
    therapist_id: str
    patient_id: str
    messages: list[Told]
    """By seq, from the history's pages."""
    events: list[tuple[int, Told | None]]
    """(seq, message) as `events/` gave them, in its order."""
    last_seq: int
    seqs: dict[tuple[str, str], int]
    """(reader, kind) -> horizon."""
    unread: dict[str, int]
    last_text: str | None


def read_final(base: str, pair: Pair) -> Final:
    """Pages of history as the therapist sees them, events as the patient does, both details."""
    with _api(base, pair.therapist_token) as therapist, _api(base, pair.patient_token) as patient:
        detail = _get(therapist, f"chats/{pair.chat_id}/")
        own = _get(patient, f"chats/{pair.chat_id}/")
        return Final(
            chat_id=pair.chat_id,
            therapist_id=pair.therapist_id,
            patient_id=pair.patient_id,
            messages=_history(therapist, pair.chat_id),
            events=_events(patient, pair.chat_id),
            last_seq=detail["last_seq"],
            seqs=horizons_of(detail["receipts"], pair.therapist_id, pair.patient_id),
            unread={
                pair.therapist_id: detail["unread_count"],
                pair.patient_id: own["unread_count"],
            },
            last_text=detail["last_message_text"],
        )


def horizons_of(
    receipts: dict[str, Any], therapist_id: str, patient_id: str
) -> dict[tuple[str, Any], int]:
    """`receipts` of the wire by reader and kind."""
    return {
        (user_id, kind): receipts[side][f"{kind}_seq"]
        for side, user_id in (("therapist", therapist_id), ("patient", patient_id))
        for kind in ("delivered", "read")
    }


def _history(api: httpx.Client, chat_id: str) -> list[Told]:
    """Newest first, page by page, as a client scrolls back."""
    found: list[Told] = []
    before: int | None = None
    while True:
        params: dict[str, Any] = {"chat_id": chat_id, "limit": PAGE}
        if before is not None:
            params["before_seq"] = before
        page = _get(api, "messages/", params)
        found += [Told.of(message) for message in page["results"]]
        if page["next"] is None:
            return found[::-1]
        before = found[-1].seq


def _events(api: httpx.Client, chat_id: str) -> list[tuple[int, Told | None]]:
    found: list[tuple[int, Told | None]] = []
    while True:
        after = found[-1][0] if found else 0
        page = _get(api, f"chats/{chat_id}/events/", {"after_seq": after, "limit": PAGE})
        if not page["events"]:
            return found
        found += [
            (event["seq"], Told.of(event["message"]) if event.get("message") else None)
            for event in page["events"]
        ]


def _get(api: httpx.Client, path: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = api.get(path, params=params)
    assert answer.status_code == 200, (path, answer.status_code, answer.text)
    body: dict[str, Any] = answer.json()
    return body


def _api(base: str, token: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"{base}/api/", headers=headers, timeout=30)
