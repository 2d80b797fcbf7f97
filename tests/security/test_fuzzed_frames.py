"""Fuzzed frames on both kinds of socket, by three roles: at most one answer each, and a refusal
changes nothing and is heard by nobody else."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from tests.api.calls import claims_of, connect, ok, say
from tests.docs.test_asyncapi import Fits
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import Frame, SocketClient, chat_socket, user_socket
from tests.realtime.tools import heard
from tests.security.conftest import no_error_logged
from tests.security.frame_strategies import frame_texts

FRAMES = int(os.environ.get("FRAME_EXAMPLES", "1200"))
SENT: Counter[str] = Counter()
FOUND: Counter[str] = Counter()

# Every row that a frame of these people could touch, and how many there are of each kind.
SNAPSHOT = """
    SELECT (SELECT string_agg(c::text, '|' ORDER BY id) FROM messaging_chat c
            WHERE id = ANY(%(chats)s)),
           (SELECT count(*) FROM messaging_message), (SELECT count(*) FROM messaging_chatevent),
           (SELECT count(*) FROM messaging_messageversion),
           (SELECT count(*) FROM messaging_receipt),
           (SELECT count(*) FROM messaging_emergencyalert),
           (SELECT sum(hashtext(m::text)::bigint) FROM messaging_message m
            WHERE chat_id = ANY(%(chats)s))
"""
# Said to the asker too, beside the answer: what became of an alert.
BESIDE = {"emergency_updated"}


class Bench:
    """Sockets of three roles to send on, and those who must not hear of what was refused."""

    def __init__(
        self, server: LiveServer, pair: Pair, other: Pair, admin_token: str, fits: Fits
    ) -> None:
        assert server.database_url is not None
        self._server = server
        self.pair, self.other, self.fits = pair, other, fits
        self._admin_id, self._admin_token = claims_of(admin_token)["sub"], admin_token
        self._open: dict[tuple[str, str], SocketClient] = {}
        self._stack = ExitStack()
        self._database = self._stack.enter_context(
            psycopg.connect(server.database_url, autocommit=True)
        )
        self._asked = 0
        enter = self._stack.enter_context
        self.listeners = {
            "therapist": enter(chat_socket(server, pair.chat_id, pair.therapist_token)),
            "patient": enter(chat_socket(server, pair.chat_id, pair.patient_token)),
            "therapist's phone": enter(
                user_socket(server, pair.therapist_id, pair.therapist_token)
            ),
            "patient's phone": enter(user_socket(server, pair.patient_id, pair.patient_token)),
        }
        self.outsiders = [
            enter(user_socket(server, other.patient_id, other.patient_token)),
            enter(chat_socket(server, other.chat_id, other.therapist_token)),
        ]

    def socket(self, role: str, kind: str) -> SocketClient:
        """The socket of a role, opened where it is not; an administrator has only the user's."""
        found = self._open.get((role, kind))
        if found is None:
            token, user_id = {
                "therapist": (self.pair.therapist_token, self.pair.therapist_id),
                "patient": (self.pair.patient_token, self.pair.patient_id),
                "admin": (self._admin_token, self._admin_id),
            }[role]
            opened = (
                chat_socket(self._server, self.pair.chat_id, token)
                if kind == "chat"
                else user_socket(self._server, user_id, token)
            )
            found = self._open[role, kind] = self._stack.enter_context(opened)
        return found

    def reopen(self, role: str, kind: str) -> None:
        del self._open[role, kind]

    def filled(self, sent: str | bytes, role: str) -> str | bytes:
        """With real ids in the place of the names."""
        pair, other = self.pair, self.other
        me, them = pair.patient_id, pair.therapist_id
        own, theirs = pair.patient_token, pair.therapist_token
        if role == "therapist":
            me, them, own, theirs = them, me, theirs, own
        if role == "admin":
            me, own = self._admin_id, self._admin_token
        for name, value in (
            ("{chat}", pair.chat_id), ("{other}", other.chat_id), ("{pair}", pair.chat_id[5:]),
            ("{others}", other.chat_id[5:]), ("{me}", me), ("{them}", them),
            ("{admin}", self._admin_id), ("{own token}", own), ("{their token}", theirs),
        ):  # fmt: skip
            if isinstance(sent, bytes):
                sent = sent.replace(name.encode(), value.encode())
            else:
                sent = sent.replace(name, value)
        return sent

    def snapshot(self) -> Any:
        chats = [self.pair.chat_id, self.other.chat_id]
        return self._database.execute(SNAPSHOT, {"chats": chats}).fetchone()

    def answers(self, socket: SocketClient, role: str, kind: str) -> list[Frame]:
        """What arrived until all of what was sent before has been through the chat's lane."""
        start = len(socket.received)
        if role != "admin":
            self._asked += 1
            ref = f"barrier {self._asked}"
            scope = {"chat_id": self.pair.chat_id} if kind == "user" else {}
            socket.send("message_delivered", seq=0, ref=ref, **scope)
            socket.until("message_delivered_receipt", ref=ref)
        heard(socket)
        return [
            frame
            for frame in socket.received[start:]
            if not str(frame.get("ref")).startswith(("barrier", "heard"))
        ]

    def restore(self, message_id: str) -> None:
        """Put a deleted message back: else soon none would be left to edit."""
        for token in (self.pair.therapist_token, self.pair.patient_token):
            with connect(self._server, token) as api:
                api.post(f"messages/{message_id}/restore_message/")

    def close(self) -> None:
        self._stack.close()


@pytest.fixture(scope="module")
def calm_server(
    database_url: str, server: LiveServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveServer]:
    """On the same database and keys, with alerts that wait for a day.

    Else those that the fuzzer raises would end by themselves, beside some other frame.
    """
    day = {"THERAPYCONNECT_EMERGENCY_SECONDS": "86400"}
    live = LiveServer(server.data, database_url=database_url, env=day)
    live.log = tmp_path_factory.mktemp("calm") / "server.log"
    live.start()
    yield live
    live.stop()


@pytest.fixture(autouse=True)
def quiet(calm_server: LiveServer) -> Iterator[None]:
    with no_error_logged(calm_server):
        yield


@pytest.fixture(scope="module")
def document(calm_server: LiveServer) -> Any:
    with connect(calm_server, None) as api:
        return ok(api.get("asyncapi/"))


@pytest.fixture(scope="module")
def bench(
    calm_server: LiveServer, _pairs: Iterator[Pair], admin_token: str, document: Any
) -> Iterator[Bench]:
    pair, other = next(_pairs), next(_pairs)
    for one in (pair, other):
        for token in (one.therapist_token, one.patient_token) * 2:
            with connect(calm_server, token) as api:
                say(api, one.chat_id, "said before")
    made = Bench(calm_server, pair, other, admin_token, Fits(document))
    yield made
    made.close()


@settings(
    max_examples=FRAMES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
    phases=[Phase.generate],
)
@given(
    sent=frame_texts(),
    by=st.sampled_from(
        [("therapist", "chat"), ("therapist", "user"), ("patient", "chat"), ("patient", "user"),
         ("admin", "user")]
    ),
)  # fmt: skip
def test_a_frame_has_at_most_one_answer_and_a_refusal_no_effect(
    bench: Bench, document: Any, sent: str | bytes, by: tuple[str, str]
) -> None:
    role, kind = by
    socket = bench.socket(role, kind)
    for listener in (*bench.listeners.values(), *bench.outsiders, socket):
        heard(listener)  # what was still on its way
    before = bench.snapshot()
    filled = bench.filled(sent, role)
    SENT[f"{role} on {kind}"] += 1
    try:
        socket.connection.send(filled)
        got = bench.answers(socket, role, kind)
    except ConnectionClosed:
        code = str(socket.connection.protocol.close_code)
        assert code in document["channels"][kind]["x-close-codes"]
        FOUND[f"closed {code}"] += 1
        bench.reopen(role, kind)
        got = [{"type": "error", "code": "closed"}]
    else:
        for frame in got:
            assert bench.fits.faults(kind, "Said", frame) == []
        _check_answers(filled, got)
    refused = bool(got) and all(frame["type"] == "error" for frame in got)
    if refused:
        FOUND[f"refused: {got[0]['code']}"] += 1
        assert bench.snapshot() == before
    else:
        FOUND[got[0]["type"] if got else "nothing"] += 1
    for name, listener in bench.listeners.items():
        news = [frame for frame in heard(listener) if not _expiry(frame)]
        for frame in news:
            channel = "user" if "phone" in name else "chat"
            assert bench.fits.faults(channel, "Said", frame) == []
        assert not (refused and news), (name, news)
    for outsider in bench.outsiders:
        assert heard(outsider) == []
    for frame in got:
        if frame["type"] == "message_deleted":
            bench.restore(frame["message_id"])


def _check_answers(sent: str | bytes, got: list[Frame]) -> None:
    """One answer at most; a resume has its replay, and one answer for each chat it asks about."""
    assert all(frame.get("code") not in ("server_error", "integrity_error") for frame in got)
    try:
        asked = json.loads(sent)
    except (ValueError, RecursionError):
        asked = None
    answers = [frame for frame in got if frame["type"] not in BESIDE and not _expiry(frame)]
    if isinstance(asked, dict) and asked.get("type") == "resume":
        answers = [frame for frame in answers if frame["type"] in ("resumed", "error")]
        chats = asked.get("chats")
        assert len(answers) <= max(1, len(chats) if isinstance(chats, dict) else 1)
    else:
        assert len(answers) <= 1, answers
    for frame in answers:
        if "ref" in frame:
            assert frame["ref"] == asked["ref"]


def _expiry(frame: Frame) -> bool:
    """Typing that ends by itself, seconds after it was said."""
    return frame["type"] == "typing_indicator" and frame["is_typing"] is False


def test_after_the_fuzzer_all_is_well(calm_server: LiveServer, bench: Bench) -> None:
    print(f"\nframes fuzzed: {sum(SENT.values())}: {dict(SENT)}")  # noqa: T201
    print(f"answers: {dict(FOUND.most_common())}")  # noqa: T201
    assert sum(SENT.values()) >= FRAMES
    pair = bench.pair
    with connect(calm_server, pair.patient_token) as api:
        seqs: list[int] = []
        while True:
            after = seqs[-1] if seqs else 0
            page = ok(api.get(f"chats/{pair.chat_id}/events/?limit=200&after_seq={after}"))
            if not page["events"]:
                break
            seqs += [event["seq"] for event in page["events"]]
        assert seqs == list(range(1, page["last_seq"] + 1))
        ok(api.get(f"messages/?chat_id={pair.chat_id}&limit=200"))
    for role in ("therapist", "patient"):
        socket = bench.socket(role, "chat")
        socket.send("resume", after_seq=0, ref="whole")
        assert socket.until("resumed", ref="whole")["last_seq"] == seqs[-1]
