"""Where it all happens: a PostgreSQL of the run's own, the databases, the servers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import psycopg

from therapyconnect.embedded import lease

ROOT = Path(__file__).resolve().parents[1]
PAIRS = 50
_READY_SECONDS = 90.0
CONTENDERS = ("ours", "orm", "rows")


class Server:
    """One contender's server process, ready when made."""

    def __init__(self, command: list[str], *, port: int, env: dict[str, str], log: Path) -> None:
        self.port = port
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=env, stdout=output, stderr=output, start_new_session=True
            )
        end = time.monotonic() + _READY_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    text = log.read_text(errors="replace")[-3000:]
                    raise SystemExit(f"A server did not start:\n{text}") from None
                time.sleep(0.05)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()


class Stage:
    """One throw-away PostgreSQL with a database per contender, all with the same pairs in them."""

    def __init__(self) -> None:
        # In the checkout: a folder for temporary files may be memory, where a commit is free.
        (ROOT / "var").mkdir(exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "var"))
        self._servers: dict[str, Server] = {}
        self._lease = lease(self.folder / "postgres")
        self.postgres_pid = self._lease.server_pid()
        self.pairs: list[dict[str, str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for server in self._servers.values():
            server.stop()
        self._lease.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str) -> str:
        return urlunsplit(urlsplit(self._lease.url)._replace(path=f"/{name}"))

    def prepare(self) -> None:
        """Migrate and fill one database, and copy it: every contender has the same tables."""
        self._admin(f'CREATE DATABASE "{CONTENDERS[0]}"')
        self._manage("migrate", "--verbosity", "0")
        lines = self._manage("loadusers", str(PAIRS)).splitlines()
        self.pairs = [json.loads(line) for line in lines if line.startswith("{")]
        for name in CONTENDERS[1:]:
            self._admin(f'CREATE DATABASE "{name}" TEMPLATE "{CONTENDERS[0]}"')

    def start(self, name: str) -> Server:
        """The server of `name`, started on first use."""
        if name not in self._servers:
            port = _free_port()
            commands = {
                "ours": ["manage.py", "run"],
                "orm": [
                    "-m", "uvicorn", "bench.peers.orm:app", "--port", str(port),
                    "--loop", "uvloop", "--ws", "websockets-sansio", "--log-level", "warning",
                ],
            }  # fmt: skip
            self._servers[name] = Server(
                [sys.executable, *commands[name]],
                port=port,
                env=self._env(name, PORT=str(port)),
                log=self.folder / f"{name}.log",
            )
        return self._servers[name]

    def log_text(self, name: str) -> str:
        log = self.folder / f"{name}.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def settle(self, name: str) -> None:
        """Before a measurement: no checkpoint is left over from the one before."""
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute("VACUUM (ANALYZE) messaging_chat")
        self._admin("CHECKPOINT")

    def _admin(self, statement: str) -> None:
        with psycopg.connect(self._lease.superuser_url, autocommit=True) as connection:
            owner = urlsplit(self._lease.url).username
            if statement.startswith("CREATE DATABASE"):
                statement += f' OWNER "{owner}"'
            connection.execute(statement.encode())

    def _manage(self, *args: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *args], cwd=ROOT, env=self._env("ours"),
            capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        if done.returncode != 0:
            raise SystemExit(done.stderr[-3000:])
        return done.stdout

    def _env(self, name: str, **more: str) -> dict[str, str]:
        return {
            **os.environ,
            "THERAPYCONNECT_DATA": str(self.folder / "app"),
            "THERAPYCONNECT_MODE": "demo",
            "THERAPYCONNECT_THROTTLES": "off",
            "DATABASE_URL": self.url(name),
            **more,
        }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
