"""Who alters the database gets an error and raises an alarm; nobody gets altered text."""

from __future__ import annotations

import json

import psycopg
import pytest

from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket

SECRET = "words-nobody-else-may-read"

FLIP = """UPDATE messaging_message SET text_sealed = set_byte(text_sealed, 30,
    get_byte(text_sealed, 30) # 1) WHERE chat_id = %(chat)s AND seq = 1"""
SWAP_ROWS = """UPDATE messaging_message m SET text_sealed = o.text_sealed
    FROM messaging_message o WHERE m.chat_id = %(chat)s AND o.chat_id = m.chat_id
    AND m.seq = 3 - o.seq AND m.seq IN (1, 2)"""
SWAP_COLUMNS = """UPDATE messaging_message SET text_sealed = payload_sealed
    WHERE chat_id = %(chat)s AND seq = 1"""
OTHER_CHAT = """UPDATE messaging_message SET text_sealed = (SELECT text_sealed FROM
    messaging_message WHERE chat_id = %(other)s AND seq = 1) WHERE chat_id = %(chat)s AND seq = 1"""
UNSEALED = """UPDATE messaging_message SET text_sealed = convert_to(%(text)s, 'UTF8')
    WHERE chat_id = %(chat)s AND seq = 1"""
OTHER_VERSION = """UPDATE messaging_message SET version = 2 WHERE chat_id = %(chat)s AND seq = 1"""


@pytest.mark.parametrize(
    "attack",
    [FLIP, SWAP_ROWS, SWAP_COLUMNS, OTHER_CHAT, UNSEALED, OTHER_VERSION],
    ids=["flip", "swap-rows", "swap-columns", "other-chat", "unsealed", "other-version"],
)
def test_a_tampered_row_is_an_error_and_an_alarm(
    server: LiveServer, pair: Pair, other_pair: Pair, attack: str
) -> None:
    with server.api(pair.therapist_token) as api, server.api(other_pair.patient_token) as other:
        for n in (1, 2):
            body = {"chat_id": pair.chat_id, "text": f"{SECRET} {n}", "payload": {"note": SECRET}}
            assert api.post("messages/", json=body).status_code == 201
        other.post("messages/", json={"chat_id": other_pair.chat_id, "text": SECRET})
        before = server.log_text().count("vault.seal_broken")
        with psycopg.connect(server.database_url or "", autocommit=True) as attacker:
            attacker.execute(
                attack,
                {"chat": pair.chat_id, "other": other_pair.chat_id, "text": f"{SECRET} forged"},
            )
        page = api.get("messages/", params={"chat_id": pair.chat_id})
        resumed = api.get(f"chats/{pair.chat_id}/events/")
        for answer in (page, resumed):
            assert answer.status_code == 500
            assert answer.json()["errors"][0]["code"] == "integrity_error"
            assert SECRET not in answer.text
    with chat_socket(server, pair.chat_id, pair.patient_token) as socket:
        socket.send("resume", after_seq=0, ref="r")
        refused = socket.until("error", ref="r")
        assert refused["code"] == "integrity_error"
        assert SECRET not in str(socket.received)
    log = server.log_text()
    assert log.count("vault.seal_broken") >= before + 3
    assert SECRET not in log
    lines = [json.loads(line) for line in log.splitlines() if '"django.request"' in line]
    noted = {line.get("request_id") for line in lines}
    assert page.json()["request_id"] in noted
    assert None not in noted


def test_sends_go_on_beside_a_broken_row(server: LiveServer, pair: Pair) -> None:
    """The damage stays where it is: what is said after it is said."""
    with server.api(pair.therapist_token) as api:
        assert api.post(
            "messages/", json={"chat_id": pair.chat_id, "text": SECRET, "client_message_id": "a"}
        ).is_success
        server.sql(FLIP.replace("%(chat)s", "%s"), (pair.chat_id,))
        reply = {"chat_id": pair.chat_id, "text": "again", "client_message_id": "a"}
        assert api.post("messages/", json=reply).status_code == 409
        quoting = {
            "chat_id": pair.chat_id,
            "text": "as you said",
            "reply_to": f"MSG_{pair.chat_id[5:]}_1",
        }
        assert api.post("messages/", json=quoting).status_code == 500
        fine = api.post("messages/", json={"chat_id": pair.chat_id, "text": "still here"})
        assert (fine.status_code, fine.json()["seq"]) == (201, 2)
