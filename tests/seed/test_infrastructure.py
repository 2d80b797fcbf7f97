"""The seed's migration, application, tokens and CORS."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import httpx
import psycopg

from tests.api.calls import (
    claims_of,
    connect,
    ok,
    refused,
)
from tests.harness.database import own_database
from tests.harness.server import ROOT, LiveServer, Pair
from tests.harness.sockets import chat_socket


def test_database_migration(server: LiveServer, tmp_path: Path) -> None:
    """`migrate` on an empty database: the fields, tables and indexes that the seed names."""
    assert server.database_url is not None
    with own_database(server.database_url) as url:
        env = {**os.environ, "DATABASE_URL": url, "THERAPYCONNECT_DATA": str(tmp_path),
               "THERAPYCONNECT_MODE": "demo"}  # fmt: skip
        command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, timeout=120)
        with psycopg.connect(url) as database:
            columns = database.execute(
                "SELECT table_name, column_name FROM information_schema.columns"
                " WHERE table_name LIKE 'messaging_%%'"
            ).fetchall()
            indexes = {
                name
                for (name,) in database.execute(
                    "SELECT indexname FROM pg_indexes WHERE tablename LIKE 'messaging_%%'"
                )
            }
    found: dict[str, set[str]] = {}
    for table, column in columns:
        found.setdefault(table, set()).add(column)
    assert found["messaging_chat"] >= {
        "archived_at", "blocked_by_therapist_at", "blocked_by_patient_at", "deleted_at",
        "last_message_seq", "therapist_unread_count", "patient_unread_count",
        "therapist_notifications", "patient_notifications",
    }  # fmt: skip
    assert found["messaging_message"] >= {
        "sender_id", "message_type", "emergency", "attachment_id", "reply_to_seq", "edited_at",
        "deleted_at", "deleted_by_id",
    }  # fmt: skip
    assert found["messaging_chatroom"] >= {
        "room_type", "description_sealed", "tags_sealed", "archived_at", "therapist_can_send",
        "patient_can_send", "therapist_can_see_history", "patient_can_see_history",
    }  # fmt: skip
    assert indexes >= {"chat_of_therapist", "chat_of_patient", "message_once_per_client_id"}


def test_asgi_application(server: LiveServer, pair: Pair) -> None:
    """One application serves HTTP and sockets."""
    assert httpx.get(f"{server.base}/health/live").status_code == 200
    with chat_socket(server, pair.chat_id, pair.patient_token):
        pass


def test_jwt_authentication(server: LiveServer, pair: Pair) -> None:
    token = server.login(f"{pair.patient_id}@demo.test")["access_token"]
    assert claims_of(token)["sub"] == pair.patient_id
    with connect(server, token) as api:
        assert ok(api.get("me/"))["id"] == pair.patient_id
    head, payload, signature = token.split(".")
    for wrong in (None, f"{head}.{payload}.", f"{head}.{payload}.{signature[::-1]}"):
        with connect(server, wrong) as api:
            refused(api.get("me/"), 401, "not_authenticated")


def test_cors_configuration(server: LiveServer) -> None:
    with connect(server, None) as api:
        for origin, allowed in ((server.base, server.base), ("http://evil.test", None)):
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            answer = api.options("messages/", headers=asked)
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed
