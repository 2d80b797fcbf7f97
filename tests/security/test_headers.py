"""What browsers are told: exact origins only, no framing, no sniffing, nothing kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.calls import connect, ok, refused
from tests.harness.server import ROOT, LiveServer, Pair
from tests.ops.test_production import HOST, KEYS
from tests.security.access import OPERATIONS
from tests.security.stage import Stage, call_of, split

CALENDAR = "GET /api/messages/{id}/calendar.ics"
ROUTES = sorted({split(row)[0] for row in OPERATIONS})
STRANGE = (
    "http://evil.test", "null", "https://127.0.0.1:{port}", "http://127.0.0.1", "http://127.0.0.1:1",
    "http://127.0.0.1:{port}.evil.test", "http://evil.test:{port}", "http://127.0.0.2:{port}",
    "http://user@127.0.0.1:{port}", "*", "", "file://",
)  # fmt: skip


@pytest.fixture(scope="module")
def api(server: LiveServer, module_pair: Pair) -> httpx.Client:
    return connect(server, module_pair.therapist_token)


@pytest.fixture(scope="module")
def paths(server: LiveServer, module_pair: Pair, admin_token: str) -> dict[str, str]:
    """The address of each operation, filled in."""
    with connect(server, admin_token) as admin:
        about = Stage(server, module_pair, admin).set_up(CALENDAR)
    return {route: call_of(route, about).path for route in ROUTES}


def allowed_origin(answer: httpx.Response) -> Any:
    return answer.headers.get("Access-Control-Allow-Origin")


def preflight(api: httpx.Client, path: str, origin: str, method: str) -> httpx.Response:
    return api.options(path, headers={
        "Origin": origin, "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,content-type,idempotency-key",
    })  # fmt: skip


@pytest.mark.parametrize("route", ROUTES)
def test_our_origins_are_let_in_and_no_other(
    server: LiveServer, api: httpx.Client, paths: dict[str, str], route: str
) -> None:
    method, path = route.split(" ")[0], paths[route]
    for own in (f"http://localhost:{server.port}", f"http://127.0.0.1:{server.port}"):
        answer = preflight(api, path, own, method)
        assert (answer.status_code, allowed_origin(answer)) == (200, own)
        methods = {m.strip() for m in answer.headers["Access-Control-Allow-Methods"].split(",")}
        assert {"GET", "POST", "PATCH", "DELETE"} <= methods
        headers = answer.headers["Access-Control-Allow-Headers"]
        assert {"authorization", "content-type", "idempotency-key"} <= {
            name.strip() for name in headers.split(",")
        }
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "origin" in answer.headers["Vary"].lower()
    for origin in STRANGE:
        answer = preflight(api, path, origin.format(port=server.port), method)
        assert allowed_origin(answer) is None, origin
        if method == "GET":
            answer = api.get(path, headers={"Origin": origin.format(port=server.port)})
            assert allowed_origin(answer) is None, origin


def test_answers_and_errors_are_readable_to_our_origins(
    server: LiveServer, api: httpx.Client, paths: dict[str, str]
) -> None:
    origin = {"Origin": f"http://127.0.0.1:{server.port}"}
    exposed = {"x-request-id", "retry-after"}
    for answer in (
        api.get(paths[CALENDAR], headers=origin),
        api.get("chats/nothing/", headers=origin),
        api.post("messages/", json={}, headers=origin),
        httpx.get(f"{server.base}/api/me/", headers=origin, timeout=30),
    ):
        assert allowed_origin(answer) == origin["Origin"], answer.status_code
        named = answer.headers["Access-Control-Expose-Headers"].split(",")
        assert exposed <= {name.strip() for name in named}


@pytest.mark.parametrize("route", [*ROUTES, "GET /api/nothing/", "PUT /api/chats/", "GET /nothing"])
def test_every_answer_is_kept_by_nobody_and_framed_by_nobody(
    server: LiveServer, api: httpx.Client, paths: dict[str, str], route: str
) -> None:
    method, template = route.split(" ")
    path = paths.get(route, f"{server.base}{template}")
    for client in (api, connect(server, None)):
        # An unknown field is refused, so nothing is changed by asking.
        body = {"json": {"nothing": 1}} if method in ("POST", "PATCH", "PUT") else {}
        if method == "DELETE":
            path = path.replace("CHAT_", "CHAT_t_never00_")
        answer = client.request(method, path, **body)
        assert answer.headers["Cache-Control"] == "no-store", answer.status_code
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        policy = answer.headers["Content-Security-Policy"]
        for directive in ("default-src 'self'", "object-src 'none'", "frame-ancestors 'none'",
                          "base-uri 'none'"):  # fmt: skip
            assert directive in policy
        assert "unsafe-eval" not in policy
        assert answer.headers["X-Request-ID"]
        assert "Set-Cookie" not in answer.headers
        assert "Server" not in answer.headers


def test_the_calendar_file_is_a_download(api: httpx.Client, paths: dict[str, str]) -> None:
    for accepted in ("text/calendar", "*/*", "application/json", "text/html"):
        answer = api.get(paths[CALENDAR], headers={"Accept": accepted})
        assert answer.status_code == 200, accepted
        assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="appointment.ics"'
        assert answer.text.startswith("BEGIN:VCALENDAR\r\n")
    absent = paths[CALENDAR].replace("MSG_", "MSG_t_never00_")
    refused(api.get(absent, headers={"Accept": "text/calendar"}), 404, "not_found")
    refused(api.get(paths[CALENDAR] + "/"), 404, "not_found")


def test_the_deployment_checks_find_nothing(database_url: str, tmp_path: Path) -> None:
    """Django's own, in production mode; a warning is a failure."""
    env = {
        **os.environ,
        "DATABASE_URL": database_url,
        "THERAPYCONNECT_DATA": str(tmp_path),
        "THERAPYCONNECT_MODE": "production",
        "THERAPYCONNECT_THROTTLES": "on",
        "THERAPYCONNECT_KEYS": KEYS,
        "THERAPYCONNECT_HOSTS": HOST,
        "THERAPYCONNECT_ORIGINS": f"https://{HOST}",
    }
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout
    # It does look: without TLS there is much to say.
    demo = {**env, "THERAPYCONNECT_MODE": "demo", "THERAPYCONNECT_ORIGINS": ""}
    done = subprocess.run(command, cwd=ROOT, env=demo, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "security.W" in done.stderr


def test_no_cookie_opens_anything(server: LiveServer, module_pair: Pair) -> None:
    cookies = {
        "sessionid": module_pair.therapist_token,
        "access_token": module_pair.therapist_token,
    }
    with connect(server, None) as stranger:
        for name, value in cookies.items():
            answer = stranger.get("me/", headers={"Cookie": f"{name}={value}"})
            refused(answer, 401, "not_authenticated")
    ok(connect(server, module_pair.therapist_token).get("me/"))
