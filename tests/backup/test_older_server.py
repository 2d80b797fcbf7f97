"""A server of one's own that is older than the programs: restored into, and backed up from."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from tests.backup.drill import Origin, opens, take_ring
from tests.harness.server import LiveServer

BIN = Path("/usr/lib/postgresql/15/bin")
PASSWORD = "only-for-this-test"


@pytest.fixture
def old_server() -> Iterator[str]:
    """A PostgreSQL 15 with a password, in a folder that is thrown away."""
    if not BIN.is_dir():
        pytest.skip("PostgreSQL 15 is not installed here")
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="tc-pg15-") as name:
        folder = Path(name)
        (folder / "password").write_text(PASSWORD)
        if user:
            subprocess.run(["chown", "-R", user, name], check=True)
        subprocess.run(
            [BIN / "initdb", "-D", folder / "data", "-U", "owner", "-E", "UTF8", "--no-locale",
             "--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "--no-sync"],
            check=True, capture_output=True, user=user, cwd=name,
        )  # fmt: skip
        options = f"-c listen_addresses= -c unix_socket_directories={name}"
        start = [BIN / "pg_ctl", "-D", folder / "data", "-o", options, "-l", folder / "log", "-w"]
        subprocess.run([*start, "start"], check=True, capture_output=True, user=user, cwd=name)
        try:
            url = f"postgresql://owner:{PASSWORD}@/postgres?host={quote(name, safe='/')}"
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE DATABASE clinic")
            yield url.replace("/postgres?", "/clinic?")
        finally:
            stop = [BIN / "pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop"]
            subprocess.run(stop, check=True, capture_output=True, user=user, cwd=name)


def test_it_comes_and_goes(origin: Origin, old_server: str, tmp_path: Path) -> None:
    take_ring(origin, tmp_path)
    live = LiveServer(tmp_path, database_url=old_server)
    assert "Restored" in live.manage("restore", str(origin.file))
    for table in ("messaging_message", "messaging_receipt", "vault_datakey", "accounts_user"):
        assert live.sql(f"SELECT count(*) > 0 FROM {table}") == [(True,)]
    live.manage("backup", str(tmp_path / "back.tc"))
    assert opens(tmp_path / "back.tc", live)
