"""An outsider: somebody of another chat, who tries to get at one that is not theirs."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from tests.acceptance.clients import Run, person
from tests.acceptance.devices import Device
from tests.acceptance.finals import TLS
from tests.acceptance.records import Attempt
from tests.harness.server import Pair

TURN_SECONDS = 0.3


class Outsider(Device):
    """Listens on their own user socket, and tries each way into `other`'s chat in turn."""

    def __init__(self, run: Run, name: str, own: Pair, side: str, other: Pair) -> None:
        super().__init__(run, name, [own], side, "user", pace=TURN_SECONDS)
        self.other = other
        token = person(own, side)[1]
        self._headers = {"Authorization": f"Bearer {token}"}

    async def live(self) -> None:
        async with httpx.AsyncClient(
            base_url=f"{self.run.base}/api/",
            headers=self._headers,
            timeout=self.run.ask_seconds,
            verify=TLS,
        ) as api:
            trying = asyncio.create_task(self._try_rest(api))
            try:
                await super().live()
            finally:
                trying.cancel()
                await asyncio.gather(trying, return_exceptions=True)

    def _attempt(self, what: str) -> Attempt:
        attempt = Attempt(self.user_id, self.other.chat_id, what)
        self.run.history.attempts.append(attempt)
        return attempt

    # --- over REST, and at the door of the chat's socket ----------------------------------------

    async def _try_rest(self, api: httpx.AsyncClient) -> None:
        while not self.run.stop.is_set():
            ways = self._ways()
            self.dice.shuffle(ways)
            for what, method, path, body in ways:
                if self.run.stop.is_set():
                    return
                await self._ask(api, what, method, path, body)
                await asyncio.sleep(TURN_SECONDS * self.dice.uniform(0.5, 1.5))
            await self._try_socket()

    def _ways(self) -> list[tuple[str, str, str, Any]]:
        chat_id, mark = self.other.chat_id, self.run.mark(self.other.chat_id)
        ways: list[tuple[str, str, str, Any]] = [
            ("chat", "GET", f"chats/{chat_id}/", None),
            ("messages", "GET", f"messages/?chat_id={chat_id}", None),
            ("events", "GET", f"chats/{chat_id}/events/", None),
            ("unread", "GET", f"messages/get_unread_messages/?chat_id={chat_id}", None),
            ("search", "POST", "messages/search/", {"q": mark, "chat_id": chat_id}),
            ("search of one's own", "POST", "messages/search/", {"q": mark}),
            ("send", "POST", "messages/send_message/", {"chat_id": chat_id, "text": "let me in"}),
            ("read horizon", "POST", f"chats/{chat_id}/mark_all_read/", {}),
        ]
        said = [
            message_id
            for user_id in (self.other.therapist_id, self.other.patient_id)
            for message_id in self.run.said[(chat_id, user_id)]
        ]
        if said:
            message_id = self.dice.choice(said)
            ways += [
                ("message", "GET", f"messages/{message_id}/", None),
                ("history", "GET", f"messages/{message_id}/history/", None),
                ("edit", "POST", f"messages/{message_id}/edit_message/", {"text": "changed"}),
                ("delete", "POST", f"messages/{message_id}/delete_message/", {}),
                ("restore", "POST", f"messages/{message_id}/restore_message/", {}),
            ]
        return ways

    async def _ask(
        self, api: httpx.AsyncClient, what: str, method: str, path: str, body: Any
    ) -> None:
        attempt = self._attempt(what)
        try:
            answer = await api.request(method, path, json=body)
        except httpx.TransportError:
            return
        attempt.answer = answer.status_code
        attempt.held = bool(self.run.held(answer.text, [self.other.chat_id]))

    async def _try_socket(self) -> None:
        """The chat's own socket; it must be refused before the upgrade."""
        attempt = self._attempt("chat socket")
        url = self.run.base.replace("http", "ws", 1) + f"/ws/chat/{self.other.chat_id}/"
        try:
            async with connect(
                url, additional_headers=self._headers, compression=None, open_timeout=8,
                close_timeout=0.2, proxy=None,
            ):  # fmt: skip
                attempt.answer = 101
        except InvalidStatus as refused:
            attempt.answer = refused.response.status_code
        except (OSError, WebSocketException, TimeoutError, EOFError):
            return

    # --- on one's own user socket ---------------------------------------------------------------

    async def _talk(self) -> None:
        """Name the other chat on one's own socket: to send, to resume, to read, to type."""
        chat_id = self.other.chat_id
        while True:
            if not self.run.stop.is_set():
                for frame in (
                    {"type": "resume", "chats": {chat_id: 0}},
                    {"type": "chat_message", "chat_id": chat_id, "text": "let me in"},
                    {"type": "message_read", "chat_id": chat_id, "seq": 1},
                    {"type": "typing", "chat_id": chat_id, "is_typing": True},
                ):
                    ref = self._ref(self._attempt(f"socket {frame['type']}"))
                    await self._say(**frame, ref=ref)
            await asyncio.sleep(4 * TURN_SECONDS * self.dice.uniform(0.5, 1.5))
