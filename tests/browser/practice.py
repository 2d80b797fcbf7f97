"""A practice as it looks on an ordinary evening: what the screenshots show, said over the demo's
accounts through the API, as their clients would."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.harness.server import LiveServer

THERAPIST = ("t_abc123", "therapist@demo.test")
MIRA = ("p_xyz789", "patient@demo.test")
ELIF = ("p_uvw012", "patient2@demo.test")


class Practice:
    """One server's demo therapist, and the patients in their care."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
        self._clients: dict[str, httpx.Client] = {}

    def as_(self, who: tuple[str, str]) -> httpx.Client:
        user_id, email = who
        if user_id not in self._clients:
            token = self.server.login(email)["access_token"]
            self._clients[user_id] = self.server.api(token)
        return self._clients[user_id]

    def chat(self, patient_id: str) -> str:
        body = {"therapist_id": THERAPIST[0], "patient_id": patient_id}
        answer = self.as_(THERAPIST).post("chats/create_or_get_chat/", json=body)
        return str(answer.raise_for_status().json()["id"])

    def say(self, who: tuple[str, str], chat_id: str, text: str, **more: Any) -> dict[str, Any]:
        body = {"chat_id": chat_id, "text": text, **more}
        answer = self.as_(who).post("messages/send_message/", json=body)
        said: dict[str, Any] = answer.raise_for_status().json()
        return said

    def read(self, who: tuple[str, str], chat_id: str) -> None:
        self.as_(who).post(f"chats/{chat_id}/mark_all_read/", json={}).raise_for_status()


def furnish(server: LiveServer) -> str:
    """Go on with what the demo has; the chat that is opened for the pictures."""
    practice = Practice(server)
    practice.read(THERAPIST, practice.chat(ELIF[0]))
    practice.as_(MIRA).patch("me/settings/", json={"region": "AT"}).raise_for_status()
    return _talk(practice, MIRA)


def _talk(practice: Practice, patient: tuple[str, str]) -> str:
    say, therapist = practice.say, THERAPIST
    chat = practice.chat(patient[0])
    say(patient, chat, "Good evening. I tried what we spoke about, the walk before dinner.")
    say(patient, chat, "Three times this week. On Tuesday it rained, so I went to the library.")
    asked = say(therapist, chat, "That is three more than last week. How did you sleep?")
    say(patient, chat, "Two good nights. Last night I lay awake until two.", reply_to=asked["id"])
    say(
        therapist, chat,
        "Two good ones in a row are new. Write down what the evening before was like,"
        " we can look at it together on Monday.",
    )  # fmt: skip
    start = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0)
    start += timedelta(days=7 - start.weekday())
    meeting = say(
        therapist, chat, "Does Monday at ten suit you?", message_type="appointment",
        payload={
            "start": start.isoformat(), "end": (start + timedelta(minutes=50)).isoformat(),
            "time_zone": "Europe/Vienna", "location": "Practice, 2nd floor",
        },
    )  # fmt: skip
    answer = practice.as_(patient).post(
        f"messages/{meeting['id']}/answer/", json={"answer": "accept"}
    )
    answer.raise_for_status()
    say(patient, chat, "Yes, that suits me. I will bring the notes.")
    practice.read(therapist, chat)
    say(therapist, chat, "Good. Until Monday, and sleep well tonight.")
    practice.read(patient, chat)
    return chat
