"""An alert whose commit's answer is lost is told all the same, on the sockets that stay open (G19).

The commit is on the disk and its answer never comes: it hangs, waiting for a standby that does not
exist, until whoever waits has waited too long, or until its connection is ended. The row has its
new state then, and nothing of it is due any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import httpx
import psycopg
import pytest

from tests.acceptance.faults import wait_for
from tests.acceptance.test_unknown import hang_after
from tests.api.calls import ok, say
from tests.faults.conftest import Take
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import Frame, SocketClient, user_socket

HEARD_SECONDS = 30.0
"""The harness's patience, not a promise: the sweep looks each second."""
HANGING = "FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
STANDBY = "\nsynchronous_standby_names = 'nobody'\n"
DUE_SQL = "UPDATE messaging_emergencyalert SET due_at = now() WHERE chat_id = %s"

Lose = Callable[[psycopg.Connection], None]


def wait_too_long(admin: psycopg.Connection) -> None:
    """Whoever waits for the answer gives up by themselves."""


def end_the_connection(admin: psycopg.Connection) -> None:
    wait_for(lambda: admin.execute(f"SELECT pg_terminate_backend(pid) {HANGING}").fetchall())


each_way = pytest.mark.parametrize("lose", [wait_too_long, end_the_connection])


@contextmanager
def answers_lost(stack: LiveServer, superuser: str) -> Iterator[psycopg.Connection]:
    """Whatever is committed meanwhile stays, and is not answered; the superuser's is."""
    settings = stack.data / "postgres" / "cluster" / "therapyconnect.conf"
    with psycopg.connect(superuser, autocommit=True) as admin:
        admin.execute("SET synchronous_commit = local")
        try:
            hang_after(admin, stack.data)
            yield admin
        finally:
            settings.write_text(settings.read_text().replace(STANDBY, ""))
            admin.execute("SELECT pg_reload_conf()")
            shown = "SHOW synchronous_standby_names"
            wait_for(lambda: admin.execute(shown).fetchone() == ("",))


def heard(socket: SocketClient, state: str) -> Frame:
    told: Frame = socket.until("emergency_updated", timeout=HEARD_SECONDS)["emergency_alert"]
    assert told["state"] == state
    return told


def raise_alert(stack: LiveServer, pair: Pair) -> Frame:
    with stack.api(pair.patient_token) as api:
        return say(api, pair.chat_id, "help", emergency=True)


def post(stack: LiveServer, token: str, path: str, **body: object) -> httpx.Response:
    with stack.api(token) as api:
        return api.post(path, json=body, timeout=60)


@each_way
def test_that_nobody_took_it(stack: LiveServer, take: Take, superuser: str, lose: Lose) -> None:
    (pair,) = take(1)
    with user_socket(stack, pair.patient_id, pair.patient_token) as patient:
        alert = raise_alert(stack, pair)["emergency_alert"]
        heard(patient, "raised")
        before = len(stack.log_text())
        with answers_lost(stack, superuser) as admin:
            admin.execute(DUE_SQL, (pair.chat_id,))
            lose(admin)
            wait_for(lambda: "sweep.failed" in stack.log_text()[before:])
        assert heard(patient, "exhausted")["id"] == alert["id"]
    lines = stack.log_text()[before:].splitlines()
    assert len([x for x in lines if "emergency.exhausted" in x and alert["id"] in x]) == 1


@each_way
@pytest.mark.parametrize(
    ("action", "state"), [("acknowledge", "acknowledged"), ("resolve", "resolved")]
)
def test_that_a_person_took_it(
    stack: LiveServer, take: Take, superuser: str, lose: Lose, action: str, state: str
) -> None:
    (pair,) = take(1)
    with user_socket(stack, pair.patient_id, pair.patient_token) as patient:
        alert = raise_alert(stack, pair)["emergency_alert"]
        heard(patient, "raised")
        path = f"emergencies/{alert['id']}/{action}/"
        with answers_lost(stack, superuser) as admin, ThreadPoolExecutor(1) as therapist:
            asked = therapist.submit(post, stack, pair.therapist_token, path)
            lose(admin)
            assert asked.result().status_code == 503
        # Nobody has to ask again for it; whoever does is told the same.
        told = heard(patient, state)
        assert ok(post(stack, pair.therapist_token, path)) == told
        assert patient.silent(2)


@each_way
def test_that_it_was_raised(stack: LiveServer, take: Take, superuser: str, lose: Lose) -> None:
    (pair,) = take(1)
    body = {"chat_id": pair.chat_id, "text": "help", "emergency": True, "client_message_id": "k"}
    with user_socket(stack, pair.therapist_id, pair.therapist_token) as therapist:
        with answers_lost(stack, superuser) as admin, ThreadPoolExecutor(1) as patient:
            asked = patient.submit(
                post, stack, pair.patient_token, "messages/send_message/", **body
            )
            lose(admin)
            assert asked.result().status_code == 503
        told = heard(therapist, "raised")
        again = ok(post(stack, pair.patient_token, "messages/send_message/", **body))
        assert again["emergency_alert"] == told
        messages = [f for f in therapist.received if f["type"] == "emergency_message"]
        assert [f["message"]["id"] for f in messages] == [again["id"]]


@each_way
def test_that_it_was_delivered(stack: LiveServer, take: Take, superuser: str, lose: Lose) -> None:
    (pair,) = take(1)
    with user_socket(stack, pair.patient_id, pair.patient_token) as patient:
        message = raise_alert(stack, pair)
        heard(patient, "raised")
        path = f"messages/{message['id']}/mark_delivered/"
        with answers_lost(stack, superuser) as admin, ThreadPoolExecutor(1) as therapist:
            asked = therapist.submit(post, stack, pair.therapist_token, path)
            lose(admin)
            assert asked.result().status_code == 503
        assert heard(patient, "delivered")["id"] == message["emergency_alert"]["id"]


def test_whoever_asks_again_has_it_told_to_all(
    stack: LiveServer, take: Take, superuser: str
) -> None:
    """Killed in the middle, the server that comes back knows of no doubt, and was told nothing."""
    raised, taken = take(2)
    body = {"chat_id": raised.chat_id, "text": "help", "emergency": True, "client_message_id": "k"}
    send = partial(post, stack, raised.patient_token, "messages/send_message/", **body)
    alert = raise_alert(stack, taken)["emergency_alert"]
    path = f"emergencies/{alert['id']}/acknowledge/"
    acknowledge = partial(post, stack, taken.therapist_token, path)
    with ThreadPoolExecutor(2) as crowd, answers_lost(stack, superuser) as admin:
        for hanging, request in enumerate((acknowledge, send), 1):
            asked = crowd.submit(request)
            wait_for(partial(_hang_or_done, admin, hanging, asked))
        stack.kill()
    stack.start()
    with (
        user_socket(stack, raised.therapist_id, raised.therapist_token) as therapist,
        user_socket(stack, taken.patient_id, taken.patient_token) as patient,
    ):
        ok(send())
        ok(acknowledge())
        heard(therapist, "raised")
        heard(patient, "acknowledged")


def _hang_or_done(admin: psycopg.Connection, count: int, asked: Future[httpx.Response]) -> bool:
    return asked.done() or len(admin.execute(f"SELECT pid {HANGING}").fetchall()) >= count
