"""A backup says that it holds no file, and a restore which are missing; copied back, they open."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.api.calls import connect, refused, say
from tests.attachments.files import uploaded
from tests.conftest import SERVER_URL
from tests.harness.database import own_database
from tests.harness.server import ROOT, LiveServer


def manage(server: LiveServer, *command: str) -> tuple[str, str]:
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=ROOT, env=server.env, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_a_file_through_backup_and_restore(tmp_path: Path) -> None:
    backup = tmp_path / "clinic.tcbackup"
    with own_database(SERVER_URL) as old, own_database(SERVER_URL) as new:
        origin = LiveServer(tmp_path / "origin", database_url=old)
        (tmp_path / "origin").mkdir()
        origin.start()
        pair = origin.load_pairs(1)[0]
        with connect(origin, pair.therapist_token) as api:
            file = uploaded(api, pair.chat_id, b"kept over a restore")["id"]
            say(api, pair.chat_id, message_type="file", attachment_id=file)
        _, told = manage(origin, "backup", str(backup))
        folder = origin.data / "attachments"
        assert f"The objects of 2 attachments are not in it: copy {folder} now" in told
        origin.stop()

        fresh = LiveServer(tmp_path / "fresh", database_url=new)
        shutil.copytree(origin.data / "keys", fresh.data / "keys")
        said, _ = manage(fresh, "restore", str(backup))
        assert f"The objects of 2 attachments are not in {fresh.data / 'attachments'}" in said
        fresh.start()
        token = fresh.login(f"{pair.patient_id}@demo.test")["access_token"]
        with connect(fresh, token) as api:
            refused(api.get(f"attachments/{file}/"), 503, "attachment_unavailable")
            shutil.copytree(folder, fresh.data / "attachments", dirs_exist_ok=True)
            assert api.get(f"attachments/{file}/").content == b"kept over a restore"
        fresh.stop()
