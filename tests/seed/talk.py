"""What the seed's tests act on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx

from tests.api.calls import (
    detail,
    ok,
)
from tests.harness.server import Pair


@dataclass(frozen=True)
class Talk:
    """A pair with an empty chat, and a client for each."""

    pair: Pair
    therapist: httpx.Client
    patient: httpx.Client

    @property
    def chat(self) -> str:
        return f"chats/{self.pair.chat_id}"

    @property
    def room(self) -> str:
        return f"chat-rooms/ROOM_{self.pair.chat_id[5:]}"

    def status(self, status: str) -> Any:
        return ok(self.therapist.post(f"{self.chat}/update_status/", json={"status": status}))

    def permit(self, **permissions: bool) -> Any:
        return ok(self.therapist.post(f"{self.room}/update_permissions/", json=permissions))

    def try_to_say(self, api: httpx.Client, **fields: Any) -> httpx.Response:
        body = {"chat_id": self.pair.chat_id, "text": "hi", **fields}
        return api.post("messages/send_message/", json=body)

    def as_patient(self) -> dict[str, Any]:
        return detail(self.patient, self.pair.chat_id)
