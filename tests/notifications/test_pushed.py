"""A notification comes over its user's own sockets, and over nobody else's."""

from __future__ import annotations

import httpx

from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import chat_socket, user_socket
from tests.notifications.calls import own, write
from tests.realtime.tools import heard


def test_all_devices_hear_what_the_list_shows(
    server: LiveServer, pair: Pair, admin: httpx.Client, patient: httpx.Client
) -> None:
    with (
        user_socket(server, pair.patient_id, pair.patient_token) as phone,
        user_socket(server, pair.patient_id, pair.patient_token) as laptop,
        user_socket(server, pair.therapist_id, pair.therapist_token) as other,
        chat_socket(server, pair.chat_id, pair.patient_token) as chat,
    ):
        write(admin, pair.patient_id, title="Maintenance", body="On Sunday.", level="urgent")
        pushed = [socket.until("notification") for socket in (phone, laptop)]
        (shown,) = own(patient)
        assert pushed == [{"type": "notification", "notification": shown}] * 2
        for socket in (other, chat):
            assert "notification" not in [frame["type"] for frame in heard(socket)]


def test_each_hears_their_own(server: LiveServer, pair: Pair, admin: httpx.Client) -> None:
    with (
        user_socket(server, pair.patient_id, pair.patient_token) as patient,
        user_socket(server, pair.therapist_id, pair.therapist_token) as therapist,
    ):
        write(admin, pair.patient_id, pair.therapist_id, title="To both")
        found = [
            socket.until("notification")["notification"]["id"] for socket in (patient, therapist)
        ]
        assert len(set(found)) == 2


def test_whoever_comes_later_reads_it_in_the_list(
    server: LiveServer, pair: Pair, admin: httpx.Client, patient: httpx.Client
) -> None:
    write(admin, pair.patient_id, title="Before")
    with user_socket(server, pair.patient_id, pair.patient_token) as late:
        assert "notification" not in [frame["type"] for frame in heard(late)]
    assert [one["title"] for one in own(patient)] == ["Before"]
