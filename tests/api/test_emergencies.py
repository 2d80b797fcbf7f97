"""A patient's emergency raises an alert that a person takes, or that visibly nobody did."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.api.calls import connect, end_care, ok, refused, say, set_fact
from tests.harness.server import LiveServer, Pair


def call(api: httpx.Client, pair: Pair, text: str = "help", **fields: Any) -> dict[str, Any]:
    return say(api, pair.chat_id, text, emergency=True, **fields)


def alerts(api: httpx.Client, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ok(api.get(f"emergencies/{query}"))["results"]
    return found


def act(api: httpx.Client, alert: dict[str, Any], action: str) -> httpx.Response:
    return api.post(f"emergencies/{alert['id']}/{action}/", json={})


def test_it_answers_with_whom_to_call_and_what_has_happened(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    sent = call(patient, pair, client_message_id="e1")
    assert sent["crisis_resources"]
    assert {"name", "phone", "text", "url", "region", "hours"} == set(sent["crisis_resources"][0])
    alert = sent["emergency_alert"]
    assert (alert["state"], alert["message_id"]) == ("raised", sent["id"])
    assert alert["acknowledged_at"] is None
    seen = ok(therapist.get(f"messages/{sent['id']}/"))
    assert "crisis_resources" not in seen
    assert "emergency_alert" not in seen
    assert alerts(therapist) == alerts(patient) == [alert]
    again = ok(patient.post("messages/", json={
        "chat_id": pair.chat_id, "text": "help", "emergency": True, "client_message_id": "e1",
    }))  # fmt: skip
    assert again["emergency_alert"] == alert
    assert again["crisis_resources"] == sent["crisis_resources"]


def test_no_device_is_claimed_to_have_it_by_who_reads_all_without_a_number(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    """Said of what was on the screen before: nothing in it tells that the call was heard."""
    sent = call(patient, pair)
    ok(therapist.post(f"chats/{pair.chat_id}/mark_all_read/", json={}))
    assert alerts(patient)[0]["state"] == "raised"
    ok(therapist.post(f"messages/{sent['id']}/mark_delivered/"))
    assert alerts(patient)[0]["state"] == "delivered"


def test_the_region_decides_whom_to_call(pair: Pair, patient: httpx.Client) -> None:
    neutral = call(patient, pair)["crisis_resources"]
    assert all(item["phone"] is None or "988" not in item["phone"] for item in neutral)
    ok(patient.patch("me/settings/", json={"region": "US"}))
    american = call(patient, pair)["crisis_resources"]
    assert any(item["phone"] == "988" for item in american)


def test_a_second_call_belongs_to_the_alert_that_waits(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    first = call(patient, pair)["emergency_alert"]
    assert call(patient, pair, "please")["emergency_alert"] == first
    taken = ok(act(therapist, first, "acknowledge"))
    assert (taken["state"], taken["acknowledged_by"]) == ("acknowledged", pair.therapist_id)
    # A person took that one; this is a new call.
    second = call(patient, pair, "again")["emergency_alert"]
    assert second["id"] != first["id"]
    assert {alert["id"] for alert in alerts(therapist)} == {first["id"], second["id"]}


def test_its_states(pair: Pair, therapist: httpx.Client, patient: httpx.Client) -> None:
    sent = call(patient, pair)
    alert = sent["emergency_alert"]
    ok(therapist.post(f"messages/{sent['id']}/mark_delivered/"))
    (delivered,) = alerts(patient)
    assert delivered["state"] == "delivered"
    assert delivered["delivered_at"] is not None
    refused(act(patient, alert, "acknowledge"), 403, "therapist_only")
    refused(act(patient, alert, "resolve"), 403, "therapist_only")
    taken = ok(act(therapist, alert, "acknowledge"))
    assert ok(act(therapist, alert, "acknowledge")) == taken
    ended = ok(act(therapist, alert, "resolve"))
    assert (ended["state"], ended["acknowledged_at"]) == ("resolved", taken["acknowledged_at"])
    assert ok(act(therapist, alert, "resolve")) == ended
    refused(act(therapist, alert, "acknowledge"), 409, "already_resolved")
    assert alerts(patient) == []
    assert alerts(patient, "?state=resolved") == [ended]


def test_of_two_at_once_one_takes_it(server: LiveServer, pair: Pair, patient: httpx.Client) -> None:
    alert = call(patient, pair)["emergency_alert"]

    def take(_: int) -> Any:
        with connect(server, pair.therapist_token) as api:
            return ok(act(api, alert, "acknowledge"))

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(take, range(8)))
    assert len({answer["acknowledged_at"] for answer in answers}) == 1


def test_what_is_not_yours_is_not_there(
    server: LiveServer, pair: Pair, other_pair: Pair, patient: httpx.Client, admin: httpx.Client
) -> None:
    alert = call(patient, pair)["emergency_alert"]
    with connect(server, other_pair.therapist_token) as stranger:
        assert alerts(stranger) == []
        for action in ("acknowledge", "resolve"):
            refused(act(stranger, alert, action), 404, "not_found")
            refused(act(stranger, {"id": f"EMG_{other_pair.chat_id[5:]}_7"}, action),
                    404, "not_found")  # fmt: skip
    refused(admin.get("emergencies/"), 403, "not_a_participant")


def test_flagging_what_was_said_raises_it_too(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    said = say(patient, pair.chat_id, "I can't go on")
    ok(therapist.post(f"messages/{said['id']}/mark_read/"))
    flagged = ok(patient.post(f"messages/{said['id']}/mark_emergency/"))
    assert flagged["emergency"] is True
    assert flagged["crisis_resources"]
    assert flagged["emergency_alert"]["state"] == "raised"
    again = ok(patient.post(f"messages/{said['id']}/mark_emergency/"))
    assert again["emergency_alert"] == flagged["emergency_alert"]
    assert again["changed_seq"] == flagged["changed_seq"] == 2


def test_a_therapists_flag_is_a_mark_alone(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    said = call(therapist, pair, "Please call me")
    assert "crisis_resources" not in said
    plain = say(therapist, pair.chat_id, "x")
    marked = ok(therapist.post(f"messages/{plain['id']}/mark_emergency/"))
    assert marked["emergency"] is True
    assert "emergency_alert" not in marked
    assert alerts(patient) == []


def test_it_gets_through_what_stops_other_messages(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    ok(therapist.post(f"chats/{pair.chat_id}/toggle_notifications/",
                      json={"notifications_enabled": False}))  # fmt: skip
    ok(therapist.post(f"chats/{pair.chat_id}/update_status/", json={"status": "archived"}))
    room = f"chat-rooms/ROOM_{pair.chat_id[5:]}"
    ok(therapist.post(f"{room}/update_permissions/", json={"patient_can_send": False}))
    ok(therapist.post(f"{room}/archive_room/"))
    assert call(patient, pair)["emergency_alert"]["state"] == "raised"


REFUSALS = {
    "blocked": 403, "ended": 403, "deleted": 404, "unknown": 404, "malformed": 400, "no token": 401,
    "reply": 400,
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSALS)
def test_every_refusal_of_it_says_whom_to_call(
    server: LiveServer, pair: Pair, patient: httpx.Client, why: str
) -> None:
    body: dict[str, Any] = {"chat_id": pair.chat_id, "text": "help", "emergency": True}
    if why == "blocked":
        set_fact(server, pair.chat_id, "blocked_by_therapist_at")
    elif why == "deleted":
        set_fact(server, pair.chat_id, "deleted_at")
    elif why == "ended":
        end_care(server, pair)
    elif why == "unknown":
        body["chat_id"] = f"CHAT_t_nobody000_{pair.patient_id}"
    elif why == "malformed":
        body["what"] = 1
    elif why == "reply":
        body["reply_to"] = f"MSG_{pair.chat_id[5:]}_77"
    api = connect(server, None) if why == "no token" else patient
    answer = api.post("messages/send_message/", json=body)
    assert answer.status_code == REFUSALS[why], answer.text
    assert answer.json()["crisis_resources"]


def test_a_therapist_who_receives_none_exhausts_it_at_once(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    ok(therapist.patch("me/settings/", json={"receives_emergencies": False}))
    sent = call(patient, pair)
    assert sent["emergency_alert"]["state"] == "exhausted"
    assert sent["emergency_alert"]["exhausted_at"] is not None
    assert sent["crisis_resources"]
    # Late, and still a person: it can be taken.
    assert ok(act(therapist, sent["emergency_alert"], "acknowledge"))["state"] == "acknowledged"


def test_a_deleted_chat_hides_no_alert(
    pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    alert = call(patient, pair)["emergency_alert"]
    ok(therapist.delete(f"chats/{pair.chat_id}/"))
    assert alerts(patient) == alerts(therapist) == [alert]
    assert ok(act(therapist, alert, "acknowledge"))["state"] == "acknowledged"


def test_a_therapist_who_was_switched_off_takes_none(
    server: LiveServer, pair: Pair, patient: httpx.Client
) -> None:
    server.sql("UPDATE accounts_user SET is_active = false WHERE id = %s", (pair.therapist_id,))
    assert call(patient, pair)["emergency_alert"]["state"] == "exhausted"


def test_nobody_in_time_is_said_so(
    server: LiveServer, pair: Pair, therapist: httpx.Client, patient: httpx.Client
) -> None:
    alert = call(patient, pair)["emergency_alert"]
    server.sql(
        "UPDATE messaging_emergencyalert SET due_at = now() WHERE chat_id = %s", (pair.chat_id,)
    )
    deadline = time.monotonic() + 10
    while (found := alerts(patient)[0])["state"] != "exhausted":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (found["id"], found["acknowledged_at"]) == (alert["id"], None)
    assert call(patient, pair)["emergency_alert"]["id"] != alert["id"]
