"""One user's client: what to send goes into a queue, what happens comes out of one."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from random import SystemRandom
from types import TracebackType
from typing import Any, Literal

import httpx

from therapyconnect_client.alerts import Alerts
from therapyconnect_client.api import Api
from therapyconnect_client.attachments import Attachments
from therapyconnect_client.chats import Chats
from therapyconnect_client.errors import ApiError, LoggedOut, Stopped
from therapyconnect_client.happenings import SendRefused
from therapyconnect_client.listening import EventStream, Listening
from therapyconnect_client.messages import Messages
from therapyconnect_client.outbox import Delivery, Outbox, new_id
from therapyconnect_client.people import People
from therapyconnect_client.receipts import Kind
from therapyconnect_client.rooms import Rooms
from therapyconnect_client.sender import Sender
from therapyconnect_client.session import OnTokens, Session
from therapyconnect_client.stores import MemoryStore, Outgoing, Store
from therapyconnect_client.tokens import Tokens

Since = Literal["start", "now"]


class Client:
    """Use it as a context manager, from one event loop.

    - `tokens` goes on with an earlier log-in; `on_tokens` is told each new pair, to keep.
    - `store` keeps what was not sent yet: in memory, unless a `FileStore` or your own is given.
    - `cursors` says what of each chat is had already (keep `client.cursors`); of the chats that
      are not in it everything is told, or with `since="now"` what comes from now on.
    - `verify` is an SSL context for a private certificate.
    """

    def __init__(
        self,
        base: str,
        *,
        tokens: Tokens | None = None,
        on_tokens: OnTokens | None = None,
        store: Store | None = None,
        cursors: Mapping[str, int] | None = None,
        since: Since = "start",
        queue_limit: int = 1_000,
        mailbox_limit: int = 1_000,
        confirm_delivery: bool = True,
        timeout: float = 15.0,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=base, timeout=timeout, verify=verify or True, follow_redirects=False
        )
        self._session = Session(self._http, tokens=tokens, on_tokens=on_tokens)
        self.api = Api(self._http, self._session)
        self.chats = Chats(self.api)
        self.messages = Messages(self.api)
        self.rooms = Rooms(self.api)
        self.alerts = Alerts(self.api)
        self.attachments = Attachments(self.api)
        self.people = People(self.api)
        self._closed = False
        self._changing = 0
        dice = SystemRandom()
        self._outbox = Outbox(store or MemoryStore(), limit=queue_limit)
        self._sender = Sender(
            self.api,
            self._outbox,
            dice=dice,
            on_refused=self._refused,
            on_sent=lambda: self._listening.nudge(),
        )
        self._listening = Listening(
            base.replace("http", "ws", 1).rstrip("/"),
            self._session,
            self.chats,
            tls=verify if base.startswith("https") else None,
            dice=dice,
            cursors=cursors or {},
            since=since,
            limit=mailbox_limit,
            confirm=confirm_delivery,
            on_connected=self._sender.nudge,
        )

    async def __aenter__(self) -> Client:
        if self._session.open:
            await self._begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop. What waits to be sent stays in the store; the session goes on."""
        self._closed = True
        await self._stop()
        await self._session.settle()
        await self._http.aclose()

    # --- who ----------------------------------------------------------------------------------

    @property
    def user_id(self) -> str:
        """Whose client it is; `LoggedOut` where nobody is logged in."""
        return self._session.user_id

    async def log_in(self, email: str, password: str) -> None:
        """Log in. `SecondFactorRequired`: go on at `second_factor`."""
        async with self._change():
            await self._session.log_in(email, password)
            await self._begin()

    async def second_factor(self, pending: str, code: str) -> None:
        """Finish a log-in with a code."""
        async with self._change():
            await self._session.second_factor(pending, code)
            await self._begin()

    async def log_out(self) -> None:
        """End the session. What waits stays in the store, for when the same user is back.

        `Unavailable` (so `Unreachable`, too) or `Throttled`: ended here, but perhaps not there.
        """
        async with self._change():
            await self._session.log_out()

    # --- out ----------------------------------------------------------------------------------

    async def send(
        self,
        chat_id: str,
        text: str,
        *,
        emergency: bool = False,
        client_message_id: str | None = None,
        message_type: str | None = None,
        reply_to: str | None = None,
        attachment_id: str | None = None,
        payload: dict[str, Any] | None = None,
    ) -> Delivery:
        """Put a message into the queue. When this returns, the store has it.

        `await` the delivery to know what became of it. An emergency waits for no other message; its
        delivery tells `crisis_resources`, also where it was refused or could not be sent. What JSON
        can't hold is `Invalid` at once.
        """
        optional = {
            "emergency": emergency or None, "message_type": message_type, "reply_to": reply_to,
            "attachment_id": attachment_id, "payload": payload,
        }  # fmt: skip
        self._check()
        delivery = await self._outbox.add(
            user_id=self.user_id,
            chat_id=chat_id,
            body={"text": text, **{k: v for k, v in optional.items() if v is not None}},
            client_message_id=client_message_id or new_id(),
        )
        self._sender.work()
        return delivery

    @property
    def waiting(self) -> int:
        """How many messages have not arrived yet."""
        return len(self._outbox)

    def mark_read(self, chat_id: str, seq: int) -> None:
        """Tell that everything up to `seq` was read; told with others, again after a cut."""
        self._mark(chat_id, "read", seq)

    def mark_delivered(self, chat_id: str, seq: int) -> None:
        """The same, for what arrived: where `confirm_delivery` is off."""
        self._mark(chat_id, "delivered", seq)

    async def typing(self, chat_id: str, is_typing: bool = True) -> None:
        """Tell the other; it ends after five seconds. Without a socket nothing is told."""
        await self._listening.typing(chat_id, is_typing)

    # --- in -----------------------------------------------------------------------------------

    def events(self) -> EventStream:
        """What happens, for `async for`: each event of a chat once and in order, and the hints.

        Opens the socket. Ends where the client is stopped; raises `LoggedOut`, or what no new try
        would change.
        """
        self._check()
        return self._listening.events()

    @property
    def cursors(self) -> dict[str, int]:
        """Up to where each chat was handed out, and the listener came for more."""
        return dict(self._listening.cursors)

    # --- inside -------------------------------------------------------------------------------

    @asynccontextmanager
    async def _change(self) -> AsyncIterator[None]:
        """Stop, and let nothing begin for who was here while another one is on their way in."""
        self._changing += 1
        try:
            await self._stop()
            yield
        finally:
            self._changing -= 1

    async def _begin(self) -> None:
        self._listening.turn_to(self.user_id)
        await self._outbox.load(self.user_id)
        self._sender.work()

    async def _stop(self) -> None:
        await self._sender.stop()
        self._outbox.empty()
        await self._listening.stop()

    def _check(self) -> None:
        if self._closed:
            raise Stopped
        if not self._session.open:
            raise LoggedOut
        if self._changing:
            raise Stopped

    def _mark(self, chat_id: str, kind: Kind, seq: int) -> None:
        self._check()
        self._listening.mark(chat_id, kind, seq)

    def _refused(self, item: Outgoing, error: ApiError) -> None:
        self._listening.tell(SendRefused(item.chat_id, item.client_message_id, error))
