"""Where it happens: one PostgreSQL of the run's own, in it a filled database for each size."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.harness.server import LiveServer
from therapyconnect.embedded import lease

ROOT = Path(__file__).resolve().parents[2]


class House:
    """With `keep` the folder stays, and what is filled there already is used again."""

    def __init__(self, keep: Path | None = None) -> None:
        # In the checkout: a folder for temporary files may be memory, where reads are free.
        (ROOT / "var").mkdir(exist_ok=True)
        self._keep = keep
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
        self.folder = keep or Path(tempfile.mkdtemp(prefix="reads-", dir=ROOT / "var"))
        self.data = self.folder / "app"
        self.data.mkdir(exist_ok=True)
        self._lease = lease(self.folder / "postgres")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lease.release()
        if self._keep is None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, messages: int) -> str:
        return urlunsplit(urlsplit(self._lease.url)._replace(path=f"/reads_{messages}"))

    def filled(self, messages: int) -> dict[str, Any]:
        """A database with so many messages; made and filled where it is not there yet."""
        note = self.folder / f"filled-{messages}.json"
        if not note.exists():
            with psycopg.connect(self._lease.superuser_url, autocommit=True) as admin:
                owner = urlsplit(self._lease.url).username
                name = f"reads_{messages}"
                admin.execute(f'DROP DATABASE IF EXISTS "{name}"'.encode())
                admin.execute(f'CREATE DATABASE "{name}" OWNER "{owner}"'.encode())
            self.python(messages, "manage.py", "migrate", "--verbosity", "0")
            done = self.python(
                messages, "-m", "bench.reads.seed", "--messages", str(messages), seconds=1800
            )
            note.write_text(done)
        self.python(messages, "manage.py", "migrate", "--verbosity", "0")
        with psycopg.connect(self.url(messages), autocommit=True) as connection:
            size = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        assert size is not None
        told: dict[str, Any] = json.loads(note.read_text())
        return {**told, "megabytes": round(size[0] / 2**20)}

    def server(self, messages: int) -> LiveServer:
        """The product on that database, ready."""
        live = LiveServer(
            self.data,
            database_url=self.url(messages),
            env={"DJANGO_SETTINGS_MODULE": "bench.reads.settings"},
        )
        live.start()
        return live

    def python(
        self, messages: int, *args: str, seconds: float = 600, said: str | None = None
    ) -> str:
        """What a Python of the checkout prints, with the product set to that database."""
        env = {
            **os.environ,
            "THERAPYCONNECT_DATA": str(self.data),
            "THERAPYCONNECT_MODE": "demo",
            "THERAPYCONNECT_THROTTLES": "off",
            "DATABASE_URL": self.url(messages),
        }
        done = subprocess.run(
            [sys.executable, *args], cwd=ROOT, env=env, capture_output=True, text=True,
            timeout=seconds, input=said,
        )  # fmt: skip
        if done.returncode != 0:
            raise SystemExit(done.stderr[-3000:])
        return done.stdout
