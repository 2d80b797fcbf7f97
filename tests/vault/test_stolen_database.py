"""Who steals every file but the keys reads nothing and logs in nowhere (G17).

One canary goes through every feature; then the whole data folder of an installation is searched:
tables, indexes, write-ahead log, PostgreSQL's log and the server's own.
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path

import httpx
import pytest

from tests.harness.server import LiveServer
from tests.harness.sockets import chat_socket, user_socket
from therapyconnect.embedded import lease

CANARY = "kanarienvogel-7f3a9c"
CHAT = "CHAT_t_abc123_p_xyz789"
TWIN = [sys.executable, "-m", "tests.vault.twin"]


def test_nothing_readable_is_left_behind(tmp_path: Path) -> None:
    secrets = _use_everything(LiveServer(tmp_path), tmp_path)
    found = {
        f"{what} in {path.relative_to(tmp_path)}"
        for what, needles in {"text": _spellings(CANARY), **secrets}.items()
        for path in _loot(tmp_path)
        for needle in needles
        if needle in path.read_bytes()
    }
    assert found == set()


def test_the_search_would_find_a_server_that_does_not_seal(tmp_path: Path) -> None:
    _use_everything(LiveServer(tmp_path, command=TWIN), tmp_path)
    places = [
        path
        for path in _loot(tmp_path)
        if any(needle in path.read_bytes() for needle in _spellings(CANARY))
    ]
    assert any("base" in path.parts for path in places), "not in the tables"
    assert any("pg_wal" in path.parts for path in places), "not in the write-ahead log"


def _use_everything(server: LiveServer, data: Path) -> dict[str, list[bytes]]:
    """Every feature once with the canary; returns the secrets that must not be found either."""
    server.start()
    therapist = server.login("therapist@demo.test")
    patient = server.login("patient@demo.test")
    with server.api(therapist["access_token"]) as api:
        pair = {"therapist_id": "t_abc123", "patient_id": "p_xyz789"}
        assert api.post("chats/create_or_get_chat/", json=pair).is_success
        first = api.post(
            "messages/",
            json={
                "chat_id": CHAT,
                "text": f"{CANARY} said",
                "payload": {"note": CANARY},
                "client_message_id": "first",
            },
        ).json()
        for text, expected in ((f"{CANARY} said", 200), (f"{CANARY} otherwise", 409)):
            again = {
                "chat_id": CHAT,
                "text": text,
                "payload": {"note": CANARY},
                "client_message_id": "first",
            }
            assert api.post("messages/", json=again).status_code == expected
        quoting = {"chat_id": CHAT, "text": f"{CANARY} quoted", "reply_to": first["id"]}
        assert CANARY in api.post("messages/", json=quoting).json()["reply_to_text"]
        for refused in (
            {"chat_id": CHAT, "text": f"{CANARY}\x00"},
            {"chat_id": CHAT, "text": CANARY, "message_type": "system"},
            {"chat_id": CHAT, "text": CANARY * 600},
            {"chat_id": "CHAT_t_abc123_p_uvw999", "text": CANARY},
        ):
            assert 400 <= api.post("messages/", json=refused).status_code < 500
        assert httpx.post(
            f"{server.base}/api/messages/",
            content=f'{{"text": "{CANARY}"'.encode(),
            headers={**api.headers, "content-type": "application/json"},
            timeout=30,
        ).status_code == 400  # fmt: skip
        file = api.post(
            "attachments/",
            data={"chat_id": CHAT},
            files={"file": (f"{CANARY}.txt", f"{CANARY} in a file".encode(), "text/plain")},
        ).json()
        assert file["name"] == f"{CANARY}.txt"
        sharing = {"chat_id": CHAT, "text": CANARY, "message_type": "file"}
        assert api.post("messages/", json={**sharing, "attachment_id": file["id"]}).is_success
        assert CANARY in api.get(f"attachments/{file['id']}/").text
        page = {"file": (f"{CANARY}.html", f"<html>{CANARY}".encode(), "text/html")}
        assert api.post("attachments/", data={"chat_id": CHAT}, files=page).status_code == 415
        assert CANARY in api.get("chats/get_user_chats/").text
        assert CANARY in api.get("messages/", params={"chat_id": CHAT}).text
        assert CANARY in api.get(f"chats/{CHAT}/events/").text
    with (
        chat_socket(server, CHAT, patient["access_token"]) as one,
        user_socket(server, "p_xyz789", patient["access_token"]) as all_of_them,
    ):
        one.send("chat_message", text=f"{CANARY} by socket", emergency=True, ref=1)
        one.until("chat_message", ref=1)
        one.send("chat_message", text=f"{CANARY}\x00", ref=2)
        one.until("error", ref=2)
        one.connection.send(f'{{"type": "chat_message", "text": "{CANARY}')
        one.until("error")
        all_of_them.send("resume", chats={CHAT: 0})
        all_of_them.until("resumed")
    refreshed = httpx.post(
        f"{server.base}/_allauth/app/v1/tokens/refresh",
        json={"refresh_token": patient["refresh_token"]},
        timeout=30,
    ).json()["data"]
    status = server.stop()
    assert status == 0, server.log_text()[-2000:]
    return {
        "access token": [t.encode() for t in (therapist["access_token"],)],
        "refresh token": [refreshed["refresh_token"].encode()],
        "password": [b"demo-therapyconnect\n"],
    }


def _spellings(text: str) -> list[bytes]:
    raw = text.encode()
    encoded = [base64.b64encode(b"x" * shift + raw)[4:-4] for shift in range(3)]
    return [raw, text.encode("utf-16-le"), raw.hex().encode(), raw.upper(), *encoded]


def _loot(data: Path) -> list[Path]:
    return [
        path
        for path in data.rglob("*")
        if path.is_file() and "keys" not in path.relative_to(data).parts
    ]


@pytest.fixture(autouse=True)
def _stopped(tmp_path: Path) -> object:
    """Whatever a failed test left running stops with its folder's last user."""
    yield
    if (tmp_path / "postgres").exists():
        lease(tmp_path / "postgres").release()
