"""PostgreSQL refuses root, and yet root can run it; a normal user runs it as it is."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.embedded.test_refusals import as_nobody
from therapyconnect.embedded import EmbeddedPostgresError, identity, lease

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="takes root to become somebody else")

NOBODY = 65534


def owner_of(pid: int) -> int:
    """The real user, as seen from outside any user namespace."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("Uid:")).split()[1])


def test_root_below_a_folder_that_only_root_may_enter(data: Path) -> None:
    data.parent.chmod(0o700)
    with lease(data) as held:
        assert owner_of(held.server_pid()) == 0
        namespace = os.readlink(f"/proc/{held.server_pid()}/ns/user")
        if namespace == os.readlink("/proc/self/ns/user"):
            pytest.skip("user namespaces are refused here")
    assert data.stat().st_uid == 0


def test_a_normal_user(data: Path, watch: Any, user: Any) -> None:
    nobody = as_nobody()
    os.chown(data.parent, NOBODY, NOBODY)
    one_user = user(data, command=nobody)
    said = one_user.says()
    assert "error" not in said, said
    assert owner_of(said["pid"]) == NOBODY
    one_user.release()
    assert watch.servers() == watch.keepers() == []


def test_root_on_a_normal_users_folder_takes_nothing_from_that_user(
    data: Path, watch: Any, user: Any
) -> None:
    nobody = as_nobody()
    os.chown(data.parent, NOBODY, NOBODY)
    one_user = user(data, command=nobody)
    one_user.says()
    one_user.release()
    with lease(data) as held:
        assert owner_of(held.server_pid()) == NOBODY
        with psycopg.connect(held.url) as connection:
            connection.execute("SELECT 1")
        # Both at once, too.
        again = user(data, command=nobody)
        assert again.says()["pid"] == held.server_pid()
        again.release()
    strange = [path for path in data.rglob("*") if path.lstat().st_uid != NOBODY]
    assert strange == []
    last = user(data, command=nobody)
    assert "pid" in last.says()
    last.release()


def test_root_without_user_namespaces_uses_a_system_user(
    data: Path, user: Any, monkeypatch: pytest.MonkeyPatch, queryable: Any
) -> None:
    home = Path(tempfile.mkdtemp(prefix="tc-home-"))
    home.chmod(0o755)
    monkeypatch.setenv(identity.USERNS, "off")
    monkeypatch.setenv(identity.HOME, str(home))
    try:
        with lease(data) as held:
            assert owner_of(held.server_pid()) != 0
            with psycopg.connect(held.url) as connection:
                connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
            elsewhere = Path(os.fsdecode((data / "elsewhere").read_bytes().strip()))
            assert elsewhere.parent == home
            assert elsewhere.stat().st_mode & 0o777 == 0o700
            assert not (data / "cluster").exists()
        # The record, not the environment, says where the data is from now on.
        monkeypatch.undo()
        with lease(data) as held:
            assert owner_of(held.server_pid()) != 0
            with psycopg.connect(held.url) as connection:
                assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
    finally:
        shutil.rmtree(home)


def test_a_namespaces_cluster_is_not_forgotten_when_namespaces_are_refused(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = shared
    if (data / "elsewhere").exists():
        pytest.skip("user namespaces are refused here")
    monkeypatch.setenv(identity.USERNS, "off")
    with pytest.raises(EmbeddedPostgresError, match="give that folder to a normal user"):
        lease(data)


def test_no_way_at_all(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(identity.USERNS, "off")
    monkeypatch.setenv(identity.HOME, "/proc/nothing/can/be/made/here")
    with pytest.raises(EmbeddedPostgresError, match="start as a normal user"):
        lease(data)
