"""Whoever may write to the broker is not believed: over PostgreSQL that is every role that may
connect, since LISTEN and NOTIFY ask for no other right.
"""

from __future__ import annotations

import secrets
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import msgspec
import psycopg
import pytest
from psycopg import sql

from tests.cluster.conftest import Nodes
from tests.conftest import SERVER_URL, _held
from tests.harness.server import Pair
from tests.harness.sockets import SocketClient, user_socket
from therapyconnect.core import clock
from therapyconnect.messaging.shapes import EmergencyAlert
from therapyconnect.realtime.engines.postgres import CHANNEL
from therapyconnect.realtime.notes import AlertNote, Note
from therapyconnect.realtime.parcels import Packer, unpack

LONG = 15.0
FAR = 10**12
LISTEN_SECONDS = 5.0
"""Two beats of each node."""

Forger = psycopg.Connection[Any]


@pytest.fixture
def forger(nodes: Nodes) -> Iterator[Forger]:
    """Somebody with a role that was granted nothing, on the nodes' database."""
    if nodes.engine != "postgres":
        pytest.skip("Redis asks for a password")
    role, password = f"forger_{secrets.token_hex(4)}", secrets.token_hex(8)
    name = sql.Identifier(role)
    with psycopg.connect(_held.superuser_url if _held else SERVER_URL, autocommit=True) as owner:
        made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(name, sql.Literal(password))
        try:
            owner.execute(made)
        except psycopg.errors.InsufficientPrivilege:
            pytest.skip("this server's role may not make another")
        try:
            url = nodes.one.database_url or ""
            with psycopg.connect(url, user=role, password=password, autocommit=True) as connection:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute("SELECT 1 FROM messaging_chat")
                yield connection
        finally:
            owner.execute(sql.SQL("DROP ROLE {}").format(name))


def test_a_forged_acknowledgement_is_not_told(nodes: Nodes, pair: Pair, forger: Forger) -> None:
    with user_socket(nodes.other, pair.patient_id, pair.patient_token) as patient:
        alert = _raised(patient, pair)
        forged = msgspec.structs.replace(
            alert,
            state="acknowledged",
            acknowledged_at=clock.now(),
            acknowledged_by=pair.therapist_id,
        )
        (parcel,) = _parcels("feed", [AlertNote(forged)])
        for payload in (parcel, b64encode(parcel)):
            _notify(forger, payload.decode())
        assert "acknowledged" not in _states_heard(patient, 2.0)
        # And what a person truly does is told, and not taken for old.
        with nodes.one.api(pair.therapist_token) as api:
            answer = api.post(f"emergencies/{alert.id}/acknowledge/", json={})
        assert answer.status_code == 200
        told = patient.until("emergency_updated", LONG)["emergency_alert"]
        assert told == answer.json()


def test_nobody_is_silenced_in_their_own_name(nodes: Nodes, pair: Pair, forger: Forger) -> None:
    """Told in a node's name with a high number, a parcel makes that node's real ones look old."""
    forger.execute(f"LISTEN {CHANNEL}")
    heard = [notify.payload.encode() for notify in forger.notifies(timeout=LISTEN_SECONDS)]
    assert heard  # else this shows nothing
    names = {parcel.node for payload in heard if (parcel := unpack(payload)) is not None}
    for name in names:
        _notify(forger, f'["{name}",[],{FAR},{time.time():.3f}]')
    with (
        user_socket(nodes.one, pair.therapist_id, pair.therapist_token) as therapist,
        user_socket(nodes.other, pair.patient_id, pair.patient_token) as patient,
    ):
        patient.send("typing", chat_id=pair.chat_id, is_typing=True)
        assert therapist.until("typing_indicator", LONG)["is_typing"] is True
    assert names == set()  # not even who the nodes are


def test_what_is_no_parcel_disturbs_nobody(nodes: Nodes, pair: Pair, forger: Forger) -> None:
    """A listener that broke at it would be deaf meanwhile, and could be kept so."""
    broke = [node.log_text().count("hub.wire_broke") for node in nodes]
    with (
        user_socket(nodes.one, pair.therapist_id, pair.therapist_token) as therapist,
        user_socket(nodes.other, pair.patient_id, pair.patient_token) as patient,
    ):
        for payload in ("", "x", "%%%%", "Zürich", "AQ==", "A" * 7_996, b64encode(b"\1" * 99)):
            _notify(forger, payload if isinstance(payload, str) else payload.decode())
        patient.send("typing", chat_id=pair.chat_id, is_typing=True)
        assert therapist.until("typing_indicator", LONG)["is_typing"] is True
    for node, before in zip(nodes, broke, strict=True):
        assert node.log_text().count("hub.wire_broke") == before
        # Said once: else a forger fills the log.
        assert node.log_text().count("hub.seal_broken") == 1
        assert "hub.parcel_unread" not in node.log_text()


def _raised(patient: SocketClient, pair: Pair) -> EmergencyAlert:
    patient.send("chat_message", chat_id=pair.chat_id, text="help", emergency=True, ref="e")
    raised = patient.until("chat_message", LONG, ref="e")["emergency_alert"]
    assert raised["state"] == "raised"
    return msgspec.convert(raised, EmergencyAlert)


def _parcels(node: str, notes: list[Note]) -> list[bytes]:
    return [*Packer(node).pack(notes, most=7_500)]


def _notify(forger: Forger, payload: str) -> None:
    forger.execute("SELECT pg_notify(%s, %s)", (CHANNEL, payload))


def _states_heard(socket: SocketClient, seconds: float) -> list[str]:
    """Of the alerts that it is told of meanwhile."""
    before = len(socket.received)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        socket.silent(left)
    return [
        frame["emergency_alert"]["state"]
        for frame in socket.received[before:]
        if frame["type"] == "emergency_updated"
    ]
