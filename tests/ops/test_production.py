"""Production mode refuses what the demo makes easy, and answers its operator."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_connection

import httpx
import pytest
from websockets import Origin
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.harness.database import own_database
from tests.harness.server import ROOT, LiveServer
from tests.harness.sockets import SocketClient

KEYS = "1:" + base64.b64encode(secrets.token_bytes(32)).decode()
HOST = "clinic.example"
Settings = dict[str, str]


@pytest.fixture(scope="module")
def empty_database() -> Iterator[str]:
    from tests.conftest import SERVER_URL

    with own_database(SERVER_URL) as url:
        yield url


@pytest.fixture
def settings_of(tmp_path: Path) -> Callable[..., Settings]:
    def build(url: str, **changes: str) -> Settings:
        return {
            **os.environ,
            "DATABASE_URL": url,
            "THERAPYCONNECT_DATA": str(tmp_path),
            "THERAPYCONNECT_MODE": "production",
            "THERAPYCONNECT_THROTTLES": "on",
            "THERAPYCONNECT_KEYS": KEYS,
            "THERAPYCONNECT_HOSTS": HOST,
            "THERAPYCONNECT_CLAMAV": "off: no file is ever sent in these tests",
            **changes,
        }

    return build


def _refusal(env: Settings, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *(command or ("run",))],
        cwd=ROOT, env=env, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"THERAPYCONNECT_KEYS": ""}, "production needs its own keys"),
        ({"THERAPYCONNECT_HOSTS": ""}, "THERAPYCONNECT_HOSTS"),
        ({"THERAPYCONNECT_ORIGINS": f"http://{HOST}"}, "https://"),
        ({"THERAPYCONNECT_THROTTLES": "off"}, "THERAPYCONNECT_THROTTLES"),
        ({"THERAPYCONNECT_CLAMAV": ""}, "set THERAPYCONNECT_CLAMAV"),
        ({"THERAPYCONNECT_CLAMAV": "off:"}, "wants a reason"),
    ],
)
def test_what_is_missing_is_one_line(
    settings_of: Callable[..., Settings], empty_database: str, changes: Settings, says: str
) -> None:
    assert says in _refusal(settings_of(empty_database, **changes))


def test_no_demo_account_and_no_demo_key_gets_in(
    settings_of: Callable[..., Settings], server: LiveServer
) -> None:
    assert server.database_url is not None
    ring = server.data / "keys" / "ring.json"
    copied = "1:" + json.loads(ring.read_text())["keys"]["1"]
    changes = {"THERAPYCONNECT_KEYS": copied, "THERAPYCONNECT_KEY_FILE": str(ring)}
    assert "generated for the demo" in _refusal(settings_of(server.database_url, **changes))
    without_file = {"THERAPYCONNECT_KEYS": copied}
    assert "demo accounts" in _refusal(settings_of(server.database_url, **without_file))
    for command in (("demo",), ("loadusers", "1")):
        assert "production" in _refusal(settings_of(server.database_url, **without_file), *command)


def test_it_serves_its_name_over_https_and_its_operator_by_address(
    settings_of: Callable[..., Settings], empty_database: str, tmp_path: Path
) -> None:
    live = LiveServer(tmp_path, database_url=empty_database, env=settings_of(empty_database))
    live.env["PORT"] = str(live.port)
    live.start()
    web = httpx.Client(base_url=live.base, timeout=30)
    try:
        made = subprocess.run(
            [sys.executable, "manage.py", "createuser", "--role", "patient", "--id", "p_one123",
             "--email", "one@clinic.example", "--password-stdin"],
            cwd=ROOT, env=live.env, input="a long enough passphrase\n", text=True,
            capture_output=True, timeout=60,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        assert web.get("/health/live").status_code == 200
        assert web.get("/api/me/").status_code == 400
        named = {"Host": HOST}
        assert web.get("/api/me/", headers=named).status_code == 301
        secure = {**named, "X-Forwarded-Proto": "https"}
        entered = web.post(
            "/_allauth/app/v1/auth/login",
            headers=secure,
            json={"email": "one@clinic.example", "password": "a long enough passphrase"},
        )
        token = entered.json()["meta"]["access_token"]
        bearer = {**secure, "Authorization": f"Bearer {token}"}
        me = web.get("/api/me/", headers=bearer)
        assert (me.status_code, me.json()["id"]) == (200, "p_one123")
        assert "strict-transport-security" in me.headers
        # The web client's page too, which Django does not answer.
        unsafe = web.get("/", headers=named)
        assert (unsafe.status_code, unsafe.headers["Location"]) == (301, f"https://{HOST}/")
        page = web.get("/", headers=secure)
        assert page.status_code == 200
        for name in ("Strict-Transport-Security", "Referrer-Policy"):
            assert page.headers[name] == me.headers[name]
        with _browser(live, token, origin=f"https://{HOST}") as socket:
            assert json.loads(socket.recv(30))["type"] == "connection_established"
        with pytest.raises(InvalidStatus, match="403"), _browser(live, token, origin="https://x.y"):
            pass
        for headers in ({}, {"X-Forwarded-Proto": "https"}):
            with pytest.raises(Exception, match="403"):
                SocketClient(live, "/ws/notifications/p_one123/", token, headers=headers)
    finally:
        web.close()
        live.stop()


@contextmanager
def _browser(live: LiveServer, token: str, *, origin: str) -> Iterator[ClientConnection]:
    """A page's socket, as it comes through the proxy."""
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-Proto": "https"}
    with (
        create_connection(("127.0.0.1", live.port)) as line,
        connect(
            f"ws://{HOST}/ws/notifications/p_one123/", sock=line, origin=Origin(origin),
            additional_headers=headers, compression=None,
        ) as socket,
    ):  # fmt: skip
        yield socket


def test_who_removes_the_second_factor_cannot_renew_a_socket(
    settings_of: Callable[..., Settings], empty_database: str, tmp_path: Path
) -> None:
    env = settings_of(empty_database, THERAPYCONNECT_HOSTS=f"{HOST},127.0.0.1")
    live = LiveServer(tmp_path, database_url=empty_database, env=env)
    live.env["PORT"] = str(live.port)
    live.start()
    try:
        subprocess.run(
            [sys.executable, "manage.py", "createuser", "--role", "therapist", "--id", "t_two123",
             "--email", "two@clinic.example", "--password-stdin"],
            cwd=ROOT, env=live.env, input="a long enough passphrase\n", text=True,
            capture_output=True, timeout=60, check=True,
        )  # fmt: skip
        secure = {"X-Forwarded-Proto": "https"}
        entered = httpx.post(
            f"{live.base}/_allauth/app/v1/auth/login",
            headers=secure,
            json={"email": "two@clinic.example", "password": "a long enough passphrase"},
            timeout=30,
        )
        token = entered.json()["meta"]["access_token"]
        path = "/ws/notifications/t_two123/"
        with pytest.raises(Exception, match="403"):
            SocketClient(live, path, token, headers=secure)
        live.sql(
            "INSERT INTO mfa_authenticator (user_id, type, data, created_at)"
            " VALUES ('t_two123', 'totp', '{}', now())"
        )
        with SocketClient(live, path, token, headers=secure) as socket:
            socket.until("connection_established")
            live.sql("DELETE FROM mfa_authenticator")
            socket.send("authenticate", token=token, ref="renew")
            assert socket.until("error", ref="renew")["code"] == "mfa_required"
    finally:
        live.stop()
