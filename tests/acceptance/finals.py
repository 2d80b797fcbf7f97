"""The final state of a chat, read through REST by both of its people; and where it began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import httpx

from tests.acceptance.records import Told
from tests.harness.server import Pair

PAGE = 200
TLS = httpx.create_ssl_context()
"""One for all clients: to make it takes longer than most requests."""


class Event(NamedTuple):
    """One change of a chat as `events/` tells it; `told` is its message as that stands now."""

    seq: int
    type: str
    actor_id: str | None
    told: Told | None


@dataclass(slots=True)
class Final:
    """A chat once nobody writes any more: history pages, events, versions, detail.

    Judged is what came after `begin`; `tail` is all that the unread counts may rest on.
    """

    chat_id: str
    therapist_id: str
    patient_id: str
    begin: int
    messages: list[Told]
    """By seq, from the history's pages."""
    tail: list[Event]
    """As `events/` gave them, in its order, from `begin` or the lower read horizon on."""
    versions: dict[str, list[str]]
    """Message -> what it said before each of its edits, oldest first."""
    last_seq: int
    seqs: dict[tuple[str, str], int]
    """(reader, kind) -> horizon."""
    unread: dict[str, int]
    last_text: str | None

    @property
    def events(self) -> list[Event]:
        return [event for event in self.tail if event.seq > self.begin]


def read_final(base: str, pair: Pair, begin: int = 0) -> Final:
    """Pages of history as the therapist sees them, events as the patient does, both details."""
    with _api(base, pair.therapist_token) as therapist, _api(base, pair.patient_token) as patient:
        detail = _get(therapist, f"chats/{pair.chat_id}/")
        own = _get(patient, f"chats/{pair.chat_id}/")
        seqs = horizons_of(detail["receipts"], pair.therapist_id, pair.patient_id)
        read = min(seqs[(pair.therapist_id, "read")], seqs[(pair.patient_id, "read")])
        tail = _events(patient, pair.chat_id, min(begin, read))
        edited = {
            e.told.id for e in tail if e.told and e.seq > begin and e.type == "message_edited"
        }
        return Final(
            chat_id=pair.chat_id,
            therapist_id=pair.therapist_id,
            patient_id=pair.patient_id,
            begin=begin,
            messages=_history(therapist, pair.chat_id, begin),
            tail=tail,
            versions={message_id: _versions(patient, message_id) for message_id in sorted(edited)},
            last_seq=detail["last_seq"],
            seqs=seqs,
            unread={
                pair.therapist_id: detail["unread_count"],
                pair.patient_id: own["unread_count"],
            },
            last_text=detail["last_message_text"],
        )


def read_last_seq(base: str, pair: Pair) -> int:
    with _api(base, pair.therapist_token) as therapist:
        last_seq: int = _get(therapist, f"chats/{pair.chat_id}/")["last_seq"]
        return last_seq


def horizons_of(
    receipts: dict[str, Any], therapist_id: str, patient_id: str
) -> dict[tuple[str, Any], int]:
    """`receipts` of the wire by reader and kind."""
    return {
        (user_id, kind): receipts[side][f"{kind}_seq"]
        for side, user_id in (("therapist", therapist_id), ("patient", patient_id))
        for kind in ("delivered", "read")
    }


def _history(api: httpx.Client, chat_id: str, begin: int) -> list[Told]:
    """Newest first, page by page, as a client scrolls back."""
    found: list[Told] = []
    before: int | None = None
    while True:
        params: dict[str, Any] = {"chat_id": chat_id, "limit": PAGE}
        if before is not None:
            params["before_seq"] = before
        page = _get(api, "messages/", params)
        found += [Told.of(message) for message in page["results"]]
        if page["next"] is None or found[-1].seq <= begin:
            return [told for told in found[::-1] if told.seq > begin]
        before = found[-1].seq


def _events(api: httpx.Client, chat_id: str, after: int) -> list[Event]:
    found: list[Event] = []
    while True:
        page = _get(api, f"chats/{chat_id}/events/", {"after_seq": after, "limit": PAGE})
        if not page["events"]:
            return found
        for event in page["events"]:
            told = Told.of(event["message"]) if event.get("message") else None
            found.append(Event(event["seq"], event["type"], event.get("actor_id"), told))
        after = found[-1].seq


def _versions(api: httpx.Client, message_id: str) -> list[str]:
    found: list[str] = []
    while True:
        params = {"limit": PAGE, **({"after_version": len(found)} if found else {})}
        page = _get(api, f"messages/{message_id}/history/", params)
        found += [version["text"] for version in page["results"]]
        if page["next"] is None:
            return found


def _get(api: httpx.Client, path: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
    answer = api.get(path, params=params)
    assert answer.status_code == 200, (path, answer.status_code, answer.text)
    body: dict[str, Any] = answer.json()
    return body


def _api(base: str, token: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"{base}/api/", headers=headers, timeout=30, verify=TLS)
