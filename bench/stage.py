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

from bench.cells import MOST_PAIRS
from bench.peers import NODE, PYTHON, TUTORIAL, tickets
from therapyconnect.embedded import lease

ROOT = Path(__file__).resolve().parents[1]
_READY_SECONDS = 90.0
# Contender -> its database, and the table of chats in it, whose rows are updated or only read.
_PLACES = {
    "ours": ("ours", "messaging_chat"),
    "rows": ("rows", "messaging_chat"),
    "tutorial": ("tutorial", "chat_chat"),
    "tuned": ("tutorial", "chat_chat"),
    "node": ("node", "chat"),
    "lean": ("lean", "chat"),
}


class Server:
    """One contender's server process, ready when made."""

    def __init__(
        self, command: list[str], *, port: int, env: dict[str, str], cwd: Path, log: Path
    ) -> None:
        self.port = port
        try:
            with log.open("ab") as output:
                self.process = subprocess.Popen(
                    command, cwd=cwd, env=env, stdout=output, stderr=output, start_new_session=True
                )
            self._await(log)
        except BaseException:  # a SIGTERM too: nobody else knows of this process yet
            if hasattr(self, "process"):
                self.stop()
            raise

    def _await(self, log: Path) -> None:
        end = time.monotonic() + _READY_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
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
    """One throw-away PostgreSQL, with a database for each contender and the same pairs in it."""

    def __init__(self) -> None:
        # In the checkout: a folder for temporary files may be memory, where a commit is free.
        (ROOT / "var").mkdir(exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT / "var"))
        self._servers: dict[str, Server] = {}
        self._lease = lease(self.folder / "postgres")
        self.postgres_pid = self._lease.server_pid()
        self.pairs: dict[str, list[dict[str, str]]] = {}
        """Per contender: who talks to whom, and with which tokens."""

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

    def url(self, contender: str) -> str:
        database, _ = _PLACES[contender]
        return urlunsplit(urlsplit(self._lease.url)._replace(path=f"/{database}"))

    def prepare(self, contenders: list[str]) -> None:
        """Make and fill the databases of those who take part."""
        self._create("ours")
        self._manage("ours", "migrate", "--verbosity", "0")
        lines = self._manage("ours", "loadusers", str(MOST_PAIRS)).splitlines()
        self.pairs["ours"] = [json.loads(line) for line in lines if line.startswith("{")]
        if "rows" in contenders:
            self._create("rows", template="ours")
        schema = (NODE / "schema.sql").read_text().replace(":pairs", str(MOST_PAIRS))
        for name in [name for name in ("node", "lean") if name in contenders]:
            self._create(name)
            with psycopg.connect(self.url(name), autocommit=True) as connection:
                connection.execute(schema.encode())
        if {"tutorial", "tuned"} & set(contenders):
            self._create("tutorial")
            self._manage("tutorial", "migrate", "--verbosity", "0")
            self._manage("tutorial", "loadpairs", str(MOST_PAIRS))
        peers = tickets.pairs(MOST_PAIRS)
        self.pairs |= dict.fromkeys(("tutorial", "tuned", "node", "lean"), peers)

    def start(self, name: str) -> Server:
        """The server of `name`, started on first use."""
        if name not in self._servers:
            port = _free_port()
            site = "mysite.asgi:application"
            command, cwd = {
                "ours": ([sys.executable, "manage.py", "run"], ROOT),
                "tutorial": (
                    [str(PYTHON), "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port),
                     site],
                    TUTORIAL,
                ),
                "tuned": (
                    [str(PYTHON), "-m", "uvicorn", "--port", str(port), "--loop", "uvloop",
                     "--ws", "websockets-sansio", "--log-level", "warning", site],
                    TUTORIAL,
                ),
                "node": (["node", "server.js"], NODE),
                "lean": (["node", "server.js"], NODE),
            }[name]  # fmt: skip
            self._servers[name] = Server(
                command,
                port=port,
                env=self._env(name, PORT=str(port)),
                cwd=cwd,
                log=self.folder / f"{name}.log",
            )
        return self._servers[name]

    def log_text(self, name: str) -> str:
        log = self.folder / f"{name}.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def settle(self, name: str) -> None:
        """Before a measurement: no checkpoint is left over from the one before."""
        _, table = _PLACES[name]
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute(f"VACUUM (ANALYZE) {table}".encode())
        self._admin("CHECKPOINT")

    def _create(self, database: str, template: str = "template1") -> None:
        owner = urlsplit(self._lease.url).username
        self._admin(f'CREATE DATABASE "{database}" OWNER "{owner}" TEMPLATE "{template}"')

    def _admin(self, statement: str) -> None:
        with psycopg.connect(self._lease.superuser_url, autocommit=True) as connection:
            connection.execute(statement.encode())

    def _manage(self, name: str, *args: str) -> str:
        python, cwd = (sys.executable, ROOT) if name == "ours" else (str(PYTHON), TUTORIAL)
        done = subprocess.run(
            [python, "manage.py", *args], cwd=cwd, env=self._env(name),
            capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        if done.returncode != 0:
            raise SystemExit(done.stderr[-3000:])
        return done.stdout

    def _env(self, name: str, **more: str) -> dict[str, str]:
        own = {
            "THERAPYCONNECT_DATA": str(self.folder / "app"),
            "THERAPYCONNECT_MODE": "demo",
            "THERAPYCONNECT_THROTTLES": "off",
        }
        peers = {
            "PEER_SECRET": tickets.SECRET,
            "NODE_ENV": "production",
            "WORK": "less" if name == "lean" else "same",
            "TUNED": "1" if name == "tuned" else "0",
            # What the product's own environment says is not theirs.
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        chosen = own if name == "ours" else peers
        return {**os.environ, **chosen, "DATABASE_URL": self.url(name), **more}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
