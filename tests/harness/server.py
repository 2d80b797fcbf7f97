"""The product as a stranger runs it: `manage.py run` in a process, spoken to over the network."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import psycopg

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "demo-therapyconnect"
READY_SECONDS = 90.0


@dataclass(frozen=True)
class Pair:
    """A therapist and a patient with a chat, and tokens valid for an hour."""

    therapist_id: str
    patient_id: str
    chat_id: str
    therapist_token: str
    patient_token: str


_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
_skipped = secrets.randbelow(2_000)  # so that two runs seldom try the same one at once
_ports = cycle(16_000 + 2_000 * _worker + (_skipped + n) % 2_000 for n in range(2_000))


def free_port() -> int:
    """A port below those that the kernel hands out, and never the other worker's.

    Some time passes until it is bound: meanwhile nobody's connection may be given it.
    """
    for port in _ports:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("unreachable: the ports are an endless cycle")


class LiveServer:
    """One server process. Without `database_url` it runs the embedded PostgreSQL in its folder."""

    def __init__(
        self,
        data: Path,
        *,
        database_url: str | None = None,
        throttles: bool = False,
        env: dict[str, str] | None = None,
        command: list[str] | None = None,
    ) -> None:
        self.data = data
        self.port = free_port()
        self.database_url = database_url
        self.base = f"http://127.0.0.1:{self.port}"
        self.ws = f"ws://127.0.0.1:{self.port}"
        self.log = data / "server.log"
        self.command = command or [sys.executable, "manage.py", "run"]
        self.env = {
            **{k: v for k, v in os.environ.items() if k != "DATABASE_URL"},
            "THERAPYCONNECT_DATA": str(data),
            "THERAPYCONNECT_MODE": "demo",
            "THERAPYCONNECT_THROTTLES": "on" if throttles else "off",
            "PORT": str(self.port),
            **({"DATABASE_URL": database_url} if database_url else {}),
            **(env or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None

    # --- life ---------------------------------------------------------------------------------

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.env, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self.wait_ready()

    def wait_ready(self) -> None:
        """Until `/health/ready` answers 200; fails with the log's end."""
        end = time.monotonic() + READY_SECONDS
        # One client: making one takes as long as the pause between two looks.
        with httpx.Client(timeout=2) as client:
            while time.monotonic() < end:
                if self.process is not None and self.process.poll() is not None:
                    break
                try:
                    if client.get(f"{self.base}/health/ready").status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                time.sleep(0.05)
        raise AssertionError(f"the server did not become ready:\n{self.log_text()[-3000:]}")

    def stop(self, number: int = signal.SIGTERM, timeout: float = 30) -> int:
        """Signal the server and wait; returns its exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(timeout)
        self.process = None
        return status

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        self.stop(signal.SIGKILL)

    def log_text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # --- what a test needs of it --------------------------------------------------------------

    def manage(self, *args: str, input: str | None = None) -> str:
        """The output of a management command on this installation."""
        done = subprocess.run(
            [sys.executable, "manage.py", *args], cwd=ROOT, env=self.env, input=input,
            capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def load_pairs(self, count: int, *, first: int = 1) -> list[Pair]:
        lines = self.manage("loadusers", str(count), "--first", str(first)).splitlines()
        return [Pair(**json.loads(line)) for line in lines if line.startswith("{")]

    def login(self, email: str, password: str = PASSWORD) -> dict[str, str]:
        """`meta` of a log-in: `access_token`, `refresh_token`."""
        answer = httpx.post(
            f"{self.base}/_allauth/app/v1/auth/login",
            json={"email": email, "password": password},
            timeout=20,
        )
        assert answer.status_code == 200, answer.text
        meta: dict[str, str] = answer.json()["meta"]
        return meta

    def lasting_token(self, user_id: str) -> str:
        """An access token for a whole run of the tests: a log-in's ends after 15 minutes."""
        code = (
            "from therapyconnect.accounts.models import User\n"
            "from therapyconnect.accounts.services.sessions import open_sessions\n"
            "from therapyconnect.accounts.tokens import mint_access\n"
            f"user = User.objects.get(pk={user_id!r})\n"
            "session_id = open_sessions([user])[user.id]\n"
            "print(mint_access(user_id=user.id, session_id=session_id, lifetime_seconds=18000))"
        )
        return self.manage("shell", "--no-imports", "-c", code).strip()

    def api(self, token: str | None) -> httpx.Client:
        """An HTTP client of `/api/` for whoever holds `token`."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=f"{self.base}/api/", headers=headers, timeout=20)

    def leave_tokens(self, name: str, user_id: str, tokens: float) -> None:
        """Let so many be left in a user's bucket, or be owed where they are less than none."""
        self.sql(
            "INSERT INTO accounts_quota (key, tokens, at) VALUES (%s, %s, now())"
            " ON CONFLICT (key) DO UPDATE SET tokens = EXCLUDED.tokens, at = EXCLUDED.at",
            (f"{name}:{user_id}", tokens),
        )

    def sql(self, query: str, params: Any = ()) -> list[tuple[Any, ...]]:
        """Rows straight from the database, past the product."""
        assert self.database_url is not None
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(query, params)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []
