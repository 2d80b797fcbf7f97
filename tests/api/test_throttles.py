"""How much one may send: shared by all processes, and never in the way of a call for help."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.api.calls import connect, ok, refused, say
from tests.attachments.files import upload, uploaded
from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LiveServer, LiveServer]]:
    """Two servers on one database, with the throttles on."""
    with own_database(SERVER_URL) as url:
        data = tmp_path_factory.mktemp("throttled")
        first = LiveServer(data, database_url=url, throttles=True)
        second = LiveServer(data, database_url=url, throttles=True)
        first.start()
        second.start()
        yield first, second
        second.stop()
        first.stop()


@pytest.fixture(scope="module")
def pairs(servers: tuple[LiveServer, LiveServer]) -> Iterator[Pair]:
    return iter(servers[0].load_pairs(10))


@pytest.fixture
def pair(pairs: Iterator[Pair]) -> Pair:
    return next(pairs)


def test_who_sends_too_much_waits_on_every_server(
    servers: tuple[LiveServer, LiveServer], pair: Pair
) -> None:
    first, second = servers
    with connect(first, pair.patient_token) as here, connect(second, pair.patient_token) as there:
        kept = say(here, pair.chat_id, "kept", client_message_id="k")
        body = {"chat_id": pair.chat_id, "text": "too much"}
        for api in (here, there):
            first.leave_tokens("message", pair.patient_id, -100)
            refusal = api.post("messages/", json=body)
            refused(refusal, 429, "throttled")
            assert 1 <= int(refusal.headers["Retry-After"]) <= 6
            edit = api.post(f"messages/{kept['id']}/edit_message/", json={"text": "x"})
            refused(edit, 429, "throttled")
            # What was accepted before is answered, and a call for help has a limit of its own.
            again = {"chat_id": pair.chat_id, "text": "kept", "client_message_id": "k"}
            assert ok(api.post("messages/", json=again)) == kept
            assert say(api, pair.chat_id, "help", emergency=True)["emergency_alert"]
        with connect(first, pair.therapist_token) as other:
            say(other, pair.chat_id, "not throttled")
        first.leave_tokens("message", pair.patient_id, 2)
        say(there, pair.chat_id, "goes again")


def test_the_limit_of_calls_for_help_says_whom_to_call(
    servers: tuple[LiveServer, LiveServer], pair: Pair
) -> None:
    servers[0].leave_tokens("emergency", pair.patient_id, -100)
    with connect(servers[0], pair.patient_token) as api:
        answer = api.post(
            "messages/", json={"chat_id": pair.chat_id, "text": "help", "emergency": True}
        )
        refused(answer, 429, "throttled")
        assert answer.json()["crisis_resources"]
        say(api, pair.chat_id, "calm")
    with chat_socket(servers[0], pair.chat_id, pair.patient_token) as couch:
        couch.send("chat_message", text="help", emergency=True, ref=1)
        error = couch.until("error", ref=1)
        assert (error["code"], error["retry_after"] >= 1) == ("throttled", True)
        assert error["crisis_resources"]


def test_a_flooding_socket_still_takes_a_call_for_help(
    servers: tuple[LiveServer, LiveServer], pair: Pair
) -> None:
    with chat_socket(servers[0], pair.chat_id, pair.patient_token) as couch:
        for number in range(300):
            couch.send("ping", ref=number)
        couch.send("chat_message", text="help", emergency=True, ref="now")
        refusal = couch.until("error")
        assert (refusal["code"], refusal["ref"] in range(300)) == ("rate_limited", True)
        assert couch.until("chat_message", ref="now")["emergency_alert"]["state"] == "raised"


def test_searches_are_counted_too(servers: tuple[LiveServer, LiveServer], pair: Pair) -> None:
    with connect(servers[0], pair.patient_token) as api:
        ok(api.post("messages/search/", json={"q": "a"}))
        servers[0].leave_tokens("search", pair.patient_id, -100)
        refused(api.post("messages/search/", json={"q": "a"}), 429, "throttled")


def test_who_uploads_too_much_waits(servers: tuple[LiveServer, LiveServer], pair: Pair) -> None:
    first, second = servers
    with connect(first, pair.patient_token) as here, connect(second, pair.patient_token) as there:
        uploaded(here, pair.chat_id)
        first.leave_tokens("upload", pair.patient_id, -20)
        for api in (here, there):
            refusal = upload(api, pair.chat_id)
            refused(refusal, 429, "throttled")
            assert 1 <= int(refusal.headers["Retry-After"]) <= 42
        say(here, pair.chat_id, "words go on")
