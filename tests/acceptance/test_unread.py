"""G7: unread, numbers, horizons and the last message, step by step against a plain model."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from hypothesis import HealthCheck, settings
from hypothesis import seed as hypothesis_seed
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.acceptance.conftest import Mould
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import SocketClient, chat_socket, user_socket

EXAMPLES = 15
STEPS = 25

SIDES = st.sampled_from(("therapist", "patient"))
WAYS = st.sampled_from(("rest", "chat", "user"))
TEXTS = st.text("ab ç🙂", min_size=1, max_size=5).filter(str.strip)
KINDS = st.sampled_from(("delivered", "read"))


@dataclass
class Said:
    """A message: whose, under which key, what; `place` is its number, or that of its restore."""

    side: str
    key: str
    text: str
    seq: int
    place: int
    deleted: bool = False


@dataclass
class Model:
    """A chat as plain Python: what was said, how many numbers were given, and four horizons."""

    said: list[Said] = field(default_factory=list)
    last_seq: int = 0
    horizons: dict[tuple[str, str], int] = field(
        default_factory=lambda: dict.fromkeys(
            itertools.product(("therapist", "patient"), ("delivered", "read")), 0
        )
    )

    def advance(self, side: str, kind: str, up_to: int) -> None:
        for moved in ("delivered", "read") if kind == "read" else ("delivered",):
            self.horizons[side, moved] = max(self.horizons[side, moved], up_to)

    def unread(self, side: str) -> int:
        read = self.horizons[side, "read"]
        return sum(1 for m in self.said if m.side != side and not m.deleted and m.place > read)

    @property
    def last_text(self) -> str | None:
        return self.said[-1].text if self.said and not self.said[-1].deleted else None


class Person:
    """One of the two, with REST and both kinds of socket."""

    def __init__(self, live: LiveServer, pair: Pair, side: str) -> None:
        self.id = getattr(pair, f"{side}_id")
        token = getattr(pair, f"{side}_token")
        self.chat_id = pair.chat_id
        self.api: httpx.Client = live.api(token)
        self.sockets: dict[str, SocketClient] = {
            "chat": chat_socket(live, pair.chat_id, token),
            "user": user_socket(live, self.id, token),
        }
        self._refs = itertools.count(1)

    def ask(self, way: str, type: str, answer: str, **fields: Any) -> dict[str, Any]:
        """The answer to a frame: of that type, or an error."""
        socket, ref = self.sockets[way], f"r{next(self._refs)}"
        named = {"chat_id": self.chat_id} if way == "user" else {}
        socket.send(type, ref=ref, **named, **fields)
        while True:
            frame = socket.next(10)
            if frame.get("ref") == ref:
                assert frame["type"] in (answer, "error"), frame
                return frame

    def close(self) -> None:
        self.api.close()
        for socket in self.sockets.values():
            socket.__exit__(None, None, None)


class Chat(RuleBasedStateMachine):
    """Both act over every way there is; after each step the server is asked how it stands."""

    live: LiveServer
    pairs: Iterator[Pair]

    def __init__(self) -> None:
        super().__init__()
        self.pair = next(self.pairs)
        self.model = Model()
        self.people = {s: Person(self.live, self.pair, s) for s in ("therapist", "patient")}

    def teardown(self) -> None:
        for one in self.people.values():
            one.close()

    def _send(self, side: str, way: str, key: str, text: str) -> int:
        """The number that it got; 0 where it was refused."""
        person = self.people[side]
        if way == "rest":
            body = {"chat_id": self.pair.chat_id, "text": text, "client_message_id": key}
            answer = person.api.post("messages/send_message/", json=body)
            assert answer.status_code in (200, 201, 409), answer.text
            return int(answer.json()["seq"]) if answer.status_code < 300 else 0
        frame = person.ask(way, "chat_message", "chat_message", text=text, client_message_id=key)
        return int(frame["message"]["seq"]) if frame["type"] == "chat_message" else 0

    @rule(side=SIDES, way=WAYS, text=TEXTS)
    def send(self, side: str, way: str, text: str) -> None:
        model, key = self.model, f"k{len(self.model.said)}"
        model.last_seq += 1
        model.said.append(Said(side, key, text, model.last_seq, model.last_seq))
        assert self._send(side, way, key, text) == model.last_seq

    @precondition(lambda self: self.model.said)
    @rule(data=st.data(), way=WAYS, other_body=st.booleans())
    def send_again(self, data: st.DataObject, way: str, other_body: bool) -> None:
        said = data.draw(st.sampled_from(self.model.said))
        if other_body:
            assert self._send(said.side, way, said.key, said.text + "!") == 0
        else:
            assert self._send(said.side, way, said.key, said.text) == said.seq

    @precondition(lambda self: self.model.said)
    @rule(data=st.data(), side=SIDES, way=WAYS)
    def delete(self, data: st.DataObject, side: str, way: str) -> None:
        """Only one's own; a second time changes nothing."""
        said = data.draw(st.sampled_from(self.model.said))
        person, message_id = self.people[side], f"MSG_{self.pair.chat_id[5:]}_{said.seq}"
        if way == "rest":
            answer = person.api.post(f"messages/{message_id}/delete_message/", json={})
            refused = answer.status_code == 403
            assert refused or answer.status_code == 200, answer.text
        else:
            frame = person.ask(way, "message_deleted", "message_deleted", message_id=message_id)
            refused = frame["type"] == "error"
        assert refused == (said.side != side)
        if not refused and not said.deleted:
            said.deleted = True
            self.model.last_seq += 1

    @precondition(lambda self: any(said.deleted for said in self.model.said))
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        """From its restore on it is unread anew."""
        said = data.draw(st.sampled_from([said for said in self.model.said if said.deleted]))
        path = f"messages/MSG_{self.pair.chat_id[5:]}_{said.seq}/restore_message/"
        answer = self.people[said.side].api.post(path, json={})
        assert answer.status_code == 200, answer.text
        self.model.last_seq += 1
        said.deleted, said.place = False, self.model.last_seq

    @rule(data=st.data(), side=SIDES, way=WAYS, kind=KINDS)
    def receive(self, data: st.DataObject, side: str, way: str, kind: str) -> None:
        """A horizon to a number: over REST only the read one can be named by number."""
        last = self.model.last_seq
        up_to = data.draw(st.integers(0, last + 2))
        person = self.people[side]
        if way == "rest":
            kind = "read"
            path = f"chats/{self.pair.chat_id}/mark_all_read/"
            answer = person.api.post(path, json={"up_to_seq": up_to})
            refused = answer.status_code == 400
            assert refused or answer.status_code == 200, answer.text
        else:
            frame = person.ask(way, f"message_{kind}", f"message_{kind}_receipt", seq=up_to)
            refused = frame["type"] == "error"
        assert refused == (up_to > last)
        if not refused:
            self.model.advance(side, kind, up_to)

    @precondition(lambda self: self.model.said)
    @rule(data=st.data(), side=SIDES, way=WAYS, kind=KINDS)
    def receive_message(self, data: st.DataObject, side: str, way: str, kind: str) -> None:
        """The same by a message's id, which must be the other's."""
        said = data.draw(st.sampled_from(self.model.said))
        person = self.people[side]
        page = person.api.get(
            "messages/",
            params={"chat_id": self.pair.chat_id, "after_seq": said.seq - 1, "limit": 1},
        )
        message_id = page.json()["results"][0]["id"]
        if way == "rest":
            answer = person.api.post(f"messages/{message_id}/mark_{kind}/")
            refused = answer.status_code == 403
            assert refused or answer.status_code == 200, answer.text
        else:
            frame = person.ask(
                way, f"message_{kind}", f"message_{kind}_receipt", message_id=message_id
            )
            refused = frame["type"] == "error"
        assert refused == (said.side == side)
        if not refused:
            self.model.advance(side, kind, said.place)

    @rule(side=SIDES)
    def mark_all_read(self, side: str) -> None:
        answer = self.people[side].api.post(f"chats/{self.pair.chat_id}/mark_all_read/", json={})
        assert answer.status_code == 200
        self.model.advance(side, "read", self.model.last_seq)

    @invariant()
    def stands_as_in_the_model(self) -> None:
        """The detail as both see it, and the same counts in the list."""
        model = self.model
        for side, person in self.people.items():
            shown = person.api.get(f"chats/{self.pair.chat_id}/").json()
            assert shown["last_seq"] == model.last_seq
            assert shown["last_message_text"] == model.last_text
            assert shown["unread_count"] == model.unread(side)
            for who in ("therapist", "patient"):
                assert shown[f"{who}_unread_count"] == model.unread(who)
                for kind in ("delivered", "read"):
                    assert shown["receipts"][who][f"{kind}_seq"] == model.horizons[who, kind]
        listed = self.people["patient"].api.get("chats/get_user_chats/").json()["results"]
        assert [c["patient_unread_count"] for c in listed] == [model.unread("patient")]
        path = f"messages/get_unread_messages/?chat_id={self.pair.chat_id}"
        unread = self.people["patient"].api.get(path).json()["results"]
        assert len(unread) == model.unread("patient")


def fresh_pairs(mould: Mould, product: LiveServer) -> Iterator[Pair]:
    """From the back, since the other tests take theirs from the front; then, to shrink, more."""
    yield from reversed(mould.pairs[len(mould.pairs) // 2 :])
    more = product.load_pairs(len(mould.pairs) + 300)
    yield from more[len(mould.pairs) :]


def test_every_step_leaves_it_as_in_the_model(mould: Mould, product: LiveServer, seed: int) -> None:
    machine = type("OneChat", (Chat,), {"live": product, "pairs": fresh_pairs(mould, product)})
    run_state_machine_as_test(
        hypothesis_seed(seed)(machine),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
        ),
    )
