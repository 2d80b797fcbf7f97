"""A chat's stream gives each event once, in order, to whoever hears it, however the pushes come."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from therapyconnect.accounts.principal import Principal
from therapyconnect.core.hub import AlertChanged, Happened, Notified, ReceiptMoved, Typing
from therapyconnect.messaging.policies.standing import Standing
from therapyconnect.messaging.selectors.access import ChatAccess
from therapyconnect.messaging.selectors.events import Stretch
from therapyconnect.messaging.selectors.happenings import Happening
from therapyconnect.messaging.selectors.positions import Position
from therapyconnect.messaging.shapes import EmergencyAlert, Message
from therapyconnect.realtime import streams
from therapyconnect.realtime.consumers import ChatConsumer
from therapyconnect.realtime.events import Arrival, Origin
from therapyconnect.realtime.hub import MemoryHub

CHAT = "CHAT_t_aaa_p_bbb"
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def message(seq: int) -> Message:
    return Message(
        id=f"MSG_t_aaa_p_bbb_{seq}", chat_id=CHAT, seq=seq, changed_seq=seq,
        client_message_id=None, sender_id="t_aaa", sender_name="", text="x", message_type="text",
        emergency=False, timestamp=datetime.now(UTC),
    )  # fmt: skip


def chat(**facts: bool) -> ChatAccess:
    standing = Standing(
        **{"archived": False, "blocked_by_therapist": False, "blocked_by_patient": False,
           "deleted": False, "related": True, "room_archived": False, "therapist_can_send": True,
           "patient_can_send": True, **facts}
    )  # fmt: skip
    return ChatAccess(CHAT, "t_aaa", "p_bbb", standing, *[0] * 10, None, True, True)


class Ear:
    """A connected socket that notes what it hears."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.heard: list[int] = []
        self.closed: list[int] = []

    def arrive(self, arrival: Arrival) -> None:
        self.heard.append(arrival.seq)

    def hear_receipt(self, receipt: ReceiptMoved) -> None: ...

    def hear_typing(self, typing: Typing) -> None: ...

    def hear_presence(self, chat_id: str, user_id: str, online: bool) -> None: ...

    def hear_alert(self, change: AlertChanged) -> None: ...

    def hear_notification(self, notified: Notified) -> None: ...

    def close(self, code: int, reason: str = "") -> None:
        self.closed.append(code)


class Store:
    """What the database would answer."""

    def __init__(self, last_seq: int = 0) -> None:
        self.last_seq = last_seq
        self.reads = 0
        self.broken = False

    async def read(self, chat_id: str, after_seq: int) -> Stretch:
        self.reads += 1
        if self.broken:
            raise ConnectionError
        numbers = range(after_seq + 1, self.last_seq + 1)
        return Stretch(chat(), [Happening.created(message(n)) for n in numbers])


def push(hub: MemoryHub, seq: int, origin: Any = None) -> None:
    hub.publish([Happened(CHAT, Happening.created(message(seq)), chat(), origin)])


def listening(store: Store, user_id: str, chats: dict[str, int]) -> tuple[MemoryHub, Ear]:
    hub, ear = MemoryHub(store.read), Ear(user_id)
    hub.join_user(ear)
    hub.start_user(user_id, [Position(chat_id, seq, None) for chat_id, seq in chats.items()])
    return hub, ear


async def test_gaps_are_read_and_late_pushes_dropped() -> None:
    store = Store(4)
    hub, ear = listening(store, "p_bbb", {CHAT: 0})
    push(hub, 1)
    push(hub, 4)
    await asyncio.sleep(0.05)
    push(hub, 2)
    store.last_seq = 5
    push(hub, 5)
    assert ear.heard == [1, 2, 3, 4, 5]


async def test_a_sender_whose_push_comes_late_is_still_acked() -> None:
    store = Store(1)
    hub, ear = listening(store, "t_aaa", {CHAT: 0})
    stream = hub.stream(CHAT)
    assert stream is not None
    stream.suspect()
    await asyncio.sleep(0.05)
    push(hub, 1, Origin(ear, "ref"))
    assert ear.heard == [1, 1]


@pytest.mark.parametrize("read_first", [True, False])
async def test_a_new_chat_is_heard_from_its_first_event_whoever_joins_meanwhile(
    read_first: bool,
) -> None:
    """The other's socket reads where the chat stands before, or after, the first push comes."""
    store = Store(1)
    hub, ear = listening(store, "p_bbb", {})
    other = Ear("t_aaa")
    hub.join_chat(other, CHAT)
    if read_first:
        hub.start_chat(CHAT, 1, None)
        push(hub, 1)
    else:
        push(hub, 1)
        hub.start_chat(CHAT, 1, None)
    store.last_seq = 2
    push(hub, 2)
    await asyncio.sleep(0.05)
    assert ear.heard == [1, 2]


async def test_who_was_refused_leaves_no_deaf_stream_behind() -> None:
    store = Store(2)
    hub, ear = listening(store, "p_bbb", {})
    stranger = Ear("t_aaa")
    hub.join_chat(stranger, CHAT)
    push(hub, 1)
    hub.leave_chat(stranger, CHAT)
    push(hub, 2)
    assert ear.heard == [1, 2]


async def test_a_stream_that_is_closed_stays_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "FILL_DELAYS", (0.0, 0.01, 0.01))
    store = Store(7)
    store.broken = True
    hub, ear = listening(store, "p_bbb", {CHAT: 4})
    push(hub, 7)
    await asyncio.sleep(0)
    hub.leave_user(ear)
    reads = store.reads
    await asyncio.sleep(0.1)
    assert store.reads <= reads + 1
    store.broken = False
    fresh = Ear("p_bbb")
    hub.join_user(fresh)
    hub.start_user("p_bbb", [Position(CHAT, 7, None)])
    await asyncio.sleep(0.1)
    store.last_seq = 8
    push(hub, 8)
    assert (fresh.heard, fresh.closed) == ([8], [])


async def test_a_stream_that_cannot_read_ends_its_sockets_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "FILL_DELAYS", (0.0, 0.01))
    store = Store(3)
    store.broken = True
    hub, ear = listening(store, "p_bbb", {CHAT: 0})
    push(hub, 3)
    await asyncio.sleep(0.2)
    assert (ear.heard, ear.closed, store.reads) == ([], [1001], 2)


async def test_a_busy_chat_elsewhere_is_read_on_without_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each time that some of it was read, the other node has told of more. A pause would last
    for ever here: pauses are for what is told and not there."""
    monkeypatch.setattr(streams, "FILL_DELAYS", (0.0, 3600.0))
    store = Store()
    hub, ear = listening(store, "p_bbb", {CHAT: 0})
    stream = hub.stream(CHAT)
    assert stream is not None
    read = store.read

    async def read_and_hear_of_more(chat_id: str, after_seq: int) -> Stretch:
        stretch = await read(chat_id, after_seq)
        if store.last_seq < 50:
            store.last_seq += 1
            stream.expect(store.last_seq)
        return stretch

    stream._read = read_and_hear_of_more
    store.last_seq = 1
    stream.expect(1)
    for _ in range(1_000):
        if len(ear.heard) == 50:
            break
        await asyncio.sleep(0.01)
    assert ear.heard == [*range(1, 51)]


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"blocked_by_patient": True}, 4403),
        ({"related": False}, 4403),
        ({"deleted": True, "blocked_by_patient": True}, 4404),
    ],
)
async def test_what_keeps_the_two_apart_closes_the_chats_sockets_once(
    facts: dict[str, bool], code: int
) -> None:
    """Whether it was pushed or read: each arrival tells how its chat stands."""
    store = Store()
    hub, pocket = listening(store, "p_bbb", {CHAT: 0})
    desk = Ear("t_aaa")
    hub.join_chat(desk, CHAT)
    hub.start_chat(CHAT, 0, None)
    happening = Happening.created(message(1))
    hub.publish([Happened(CHAT, happening, chat(**facts)), Happened(CHAT, happening, chat())])
    assert (desk.heard, desk.closed) == ([1], [code])
    assert (pocket.heard, pocket.closed) == ([1], [])


async def test_a_socket_that_is_closed_before_it_is_open_closes_then() -> None:
    """A block that comes between the look at the chat and the greeting."""
    store = Store()
    hub, _ = listening(store, "p_bbb", {CHAT: 0})

    class Push:
        closed: list[int] = []
        said: list[bytes] = []

        def send(self, frame: bytes) -> None:
            self.said.append(frame)

        def close(self, code: int, reason: str = "") -> None:
            if self.said:  # before it is open there is nothing to close
                self.closed.append(code)

    caller: Any = Principal("t_aaa", "therapist", "", "", session_id="", expires_at=0)
    engine: Any = None
    couch = ChatConsumer(
        chat_id=CHAT, principal=caller, push=Push(), engine=engine, hub=hub, throttled=False
    )
    couch.stream = hub.join_chat(couch, CHAT)
    blocked = chat(blocked_by_patient=True)
    hub.publish([Happened(CHAT, Happening.created(message(1)), blocked)])
    assert Push.closed == []
    couch.establish()
    assert Push.closed == [4403]


async def test_an_alert_is_not_told_backwards() -> None:
    hub, ear = listening(Store(), "p_bbb", {CHAT: 0})
    told: list[str] = []
    ear.hear_alert = lambda change: told.append(change.alert.state)  # type: ignore[method-assign]
    states: list[Any] = ["raised", "acknowledged", "delivered", "acknowledged", "resolved"]
    for state in states:
        alert = EmergencyAlert(
            id="EMG_t_aaa_p_bbb_1", chat_id=CHAT, message_id="", state=state,
            raised_at=datetime.now(UTC),
        )  # fmt: skip
        hub.publish([AlertChanged(CHAT, alert)])
    assert told == ["raised", "acknowledged", "resolved"]
