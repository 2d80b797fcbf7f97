"""PostgreSQL's own programs, run on this installation's database without a secret in sight.

They are the embedded server's, and serve any server from version 15 to their own. The password goes
by the environment, which only the same user can read; never by the command line, which all can.
What they say may quote rows: it is kept in a file without a name, and of it one line is told.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import IO, Final, Self

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from therapyconnect.config.environment import ENVIRONMENT
from therapyconnect.embedded import EmbeddedPostgresError
from therapyconnect.embedded.binaries import MAJOR, locate
from therapyconnect.ops.backups.errors import BackupError

APPLICATION_NAME: Final = "therapyconnect-backup"
_OUR_SECRETS: Final = ("DATABASE_URL", "THERAPYCONNECT_KEYS")


class Tool:
    """A running program; leaving the context ends it."""

    def __init__(self, name: str, *args: str, on_database: bool = True, feed: bool = False) -> None:
        self.name = name
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - ours until `__exit__`
        env = {key: value for key, value in os.environ.items() if key not in _OUR_SECRETS}
        command = [_program(name), *args]
        if on_database:
            address, password = _address()
            command += ["--no-password", f"--dbname={address}"]
            env["PGAPPNAME"] = APPLICATION_NAME
            if password is not None:
                env["PGPASSWORD"] = password
        self.process = subprocess.Popen(  # noqa: S603 - our own programs, no shell
            command,
            stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env=env,
        )

    @property
    def output(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    @property
    def input(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    def finish(self) -> None:
        """Wait for its end; `BackupError` where it failed."""
        status = self.process.wait()
        if status:
            raise BackupError(f"{self.name} failed ({status}): {self.last_words()}")

    def last_words(self) -> str:
        """The last line of what it said that tells of an error."""
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").splitlines()
        told = [line for line in lines if "error:" in line.lower() or "fatal:" in line.lower()]
        return (told or lines or ["it said nothing"])[-1].strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):  # what was in its buffer has nobody to read it
                    pipe.close()
        self.process.wait()
        self._said.close()


def connect() -> psycopg.Connection:
    """A connection of one's own, beside Django's pool; `BackupError` where there is none."""
    try:
        connection = psycopg.connect(
            ENVIRONMENT.database_url,
            autocommit=True,
            connect_timeout=5,
            application_name=APPLICATION_NAME,
        )
    except psycopg.Error as error:
        raise BackupError(f"The database does not answer ({type(error).__name__}).") from None
    version = connection.info.server_version // 10_000
    if version > MAJOR:
        connection.close()
        raise BackupError(
            f"The server is PostgreSQL {version}, and the programs that come with this version"
            f" know {MAJOR} and older: use PostgreSQL's own pg_dump and pg_restore."
        )
    return connection


def _address() -> tuple[str, str | None]:
    """Where the database is, without its password; and the password."""
    known = conninfo_to_dict(ENVIRONMENT.database_url)
    password = known.pop("password", None)
    for secret in ("sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key"):
        if secret in known:
            raise BackupError(f"DATABASE_URL has {secret}: use a password, or a key file.")
    return make_conninfo("", **known), None if password is None else str(password)


def _program(name: str) -> str:
    try:
        return locate().program(name)
    except EmbeddedPostgresError as error:
        raise BackupError(str(error)) from None


def dump_arguments() -> Sequence[str]:
    """What is left out belongs to the server: who owns what, its extensions, where it lies."""
    return (
        "--format=custom",
        "--compress=gzip:1",
        "--no-owner",
        "--no-privileges",
        "--no-tablespaces",
        "--no-publications",
        "--no-subscriptions",
        "--exclude-extension=*",
        "--lock-wait-timeout=60s",
    )
