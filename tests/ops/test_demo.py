"""What a newcomer finds after `make run`: a caseload that has something of everything."""

from __future__ import annotations

from typing import Any

from tests.harness.server import LiveServer

THERAPIST = "therapist@demo.test"
OF_DEMO = {"p_lea4417": "active", "p_noah228": "blocked", "p_ines903": "archived"}


def caseload(server: LiveServer) -> dict[str, dict[str, Any]]:
    """The demo therapist's chats, by patient."""
    with server.api(server.login(THERAPIST)["access_token"]) as api:
        rows = [
            row
            for status in ("active", "archived", "blocked")
            for row in api.get("chats/", params={"status": status})
            .raise_for_status()
            .json()["results"]
        ]
    return {row["patient_id"]: row for row in rows}


def test_the_therapist_s_chats_are_unread_urgent_blocked_and_archived(server: LiveServer) -> None:
    chats = caseload(server)
    assert {patient_id: chats[patient_id]["status"] for patient_id in OF_DEMO} == OF_DEMO
    assert chats["p_lea4417"]["therapist_unread_count"] == 2
    assert [chats[patient]["therapist_unread_count"] for patient in ("p_noah228", "p_ines903")] == [
        0,
        0,
    ]
    talk = "SELECT count(*) FROM messaging_message WHERE chat_id = %s AND emergency"
    assert server.sql(talk, (chats["p_uvw012"]["id"],))[0][0] >= 1


def test_making_it_again_changes_nothing(server: LiveServer) -> None:
    numbers = "SELECT id, last_seq FROM messaging_chat WHERE id NOT LIKE '%%load%%' ORDER BY id"
    people = "SELECT count(*) FROM accounts_user WHERE id NOT LIKE '%%load%%'"
    before = server.sql(numbers), server.sql(people)
    server.manage("demo")
    assert (server.sql(numbers), server.sql(people)) == before
