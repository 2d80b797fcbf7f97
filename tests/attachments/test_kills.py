"""SIGKILL between each pair of steps: no message without its file, and no file for ever."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.calls import connect, ok
from tests.attachments.files import png, upload, uploaded
from tests.attachments.killed import (
    STEPS_OF_A_REMOVAL,
    STEPS_OF_A_SEND,
    STEPS_OF_AN_UPLOAD,
)
from tests.harness.database import own_database
from tests.harness.server import LiveServer, Pair

PICTURE = png(40, 40)
# A short run takes those between which most is at stake; TC_CHAOS=1 takes all.
SHORT = ("content stored", "after the commit")
ALL = bool(int(os.environ.get("TC_CHAOS") or 0))
WAIT_SECONDS = 60.0
# As if an hour, and the time of a scan, had gone by.
AN_HOUR_LATER = """
    UPDATE attachments_attachment SET created_at = created_at - interval '61 minutes',
        due_at = due_at - interval '61 minutes'
"""
A_DAY_LATER = """
    UPDATE attachments_attachment SET created_at = created_at - interval '25 hours',
        due_at = due_at - interval '25 hours'
"""


def chosen(steps: tuple[str, ...]) -> list[str]:
    return [step for step in steps if ALL or step in SHORT]


class Clinic:
    """One installation, whose server is killed and started again."""

    def __init__(self, data: Path, database_url: str) -> None:
        self.server = LiveServer(data, database_url=database_url)
        self.server.start()
        self.pairs = iter(self.server.load_pairs(40))
        self.server.stop()

    def doomed(self, step: str) -> LiveServer:
        """Started as one that dies at `step`."""
        self.server.command = [sys.executable, "-m", "tests.attachments.killed", step, "run"]
        self.server.start()
        return self.server

    def died(self) -> None:
        assert self.server.process is not None
        assert self.server.process.wait(WAIT_SECONDS) == -9
        self.server.process = None

    def again(self) -> LiveServer:
        self.server.command = [sys.executable, "manage.py", "run"]
        self.server.start()
        return self.server

    def objects(self) -> set[str]:
        folder = self.server.data / "attachments"
        return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}

    def named(self) -> set[str]:
        """The objects that rows name."""
        rows = self.server.sql(
            "SELECT unnest(ARRAY[object_name, thumbnail_name]) FROM attachments_attachment"
        )
        return {name for (name,) in rows if name}

    def rows(self, pair: Pair) -> list[tuple[Any, ...]]:
        return self.server.sql(
            "SELECT key, state FROM attachments_attachment WHERE chat_id = %s", (pair.chat_id,)
        )

    def plain(self) -> list[str]:
        folder = self.server.data / "uploads"
        return [str(p) for p in folder.rglob("*") if p.is_file() and p.name != ".gate"]

    def until(self, what: str, holds: Any) -> None:
        end = time.monotonic() + WAIT_SECONDS
        while not holds():
            assert time.monotonic() < end, (what, self.server.log_text()[-2000:])
            time.sleep(0.05)

    def all_swept(self) -> bool:
        return self.objects() == self.named() and self.plain() == []


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    from tests.conftest import SERVER_URL

    with own_database(SERVER_URL) as url:
        made = Clinic(tmp_path_factory.mktemp("killed"), url)
        yield made
        made.server.stop()


@pytest.fixture(autouse=True)
def _empty(clinic: Clinic) -> Iterator[None]:
    yield
    if clinic.server.process is not None:
        clinic.server.kill()
    clinic.server.sql(
        "UPDATE attachments_attachment SET doomed_at = now() WHERE chat_id LIKE 'CHAT_t_load%%'"
    )


@pytest.mark.parametrize("step", chosen(STEPS_OF_AN_UPLOAD))
def test_killed_in_an_upload(clinic: Clinic, step: str) -> None:
    pair: Pair = next(clinic.pairs)
    server = clinic.doomed(step)
    with connect(server, pair.therapist_token) as api, pytest.raises(httpx.HTTPError):
        upload(api, pair.chat_id, PICTURE, name="a.png", kind="image/png")
    clinic.died()
    # Whatever lies in the store is named by a row: nothing there is unknown.
    assert clinic.objects() <= clinic.named()
    server = clinic.again()
    clinic.until("plain files are swept at the start", lambda: clinic.plain() == [])
    found = clinic.rows(pair)
    assert len(found) == (0 if step in ("received", "inspected") else 1)
    server.sql(AN_HOUR_LATER)
    if found and found[0][1] in ("scanning", "ready"):
        # All of it was stored: it is scanned in the end, and can be sent.
        file = f"ATT_{pair.chat_id[5:]}_{found[0][0]}"
        with connect(server, pair.therapist_token) as api:
            clinic.until(
                "it is ready",
                lambda: ok(api.get(f"attachments/{file}/status/"))["state"] == "ready",
            )
            assert api.get(f"attachments/{file}/").content.startswith(b"\x89PNG")
        server.sql(A_DAY_LATER)
    clinic.until(
        "nothing is left",
        lambda: clinic.all_swept() and not clinic.rows(pair),
    )


@pytest.mark.parametrize("step", chosen(STEPS_OF_A_SEND))
def test_killed_in_a_send(clinic: Clinic, step: str) -> None:
    pair: Pair = next(clinic.pairs)
    server = clinic.doomed(step)
    body: dict[str, Any] = {
        "chat_id": pair.chat_id, "text": "x", "message_type": "image", "client_message_id": "one",
    }  # fmt: skip
    with connect(server, pair.therapist_token) as api:
        file = uploaded(api, pair.chat_id, PICTURE, name="a.png", kind="image/png")["id"]
        body["attachment_id"] = file
        with pytest.raises(httpx.HTTPError):
            api.post("messages/", json=body)
    clinic.died()
    server = clinic.again()
    with connect(server, pair.therapist_token) as api:
        answer = api.post("messages/", json=body)
        assert answer.status_code == (201 if step == "before the commit" else 200)
        assert answer.json()["attachment_state"] == "ready"
        server.sql(A_DAY_LATER)
        with connect(server, pair.patient_token) as other:
            for _ in range(3):  # also after the sweep that removes what nobody used
                assert other.get(f"attachments/{file}/").content.startswith(b"\x89PNG")
                time.sleep(0.2)
    assert server.sql(
        "SELECT count(*) FROM messaging_message m JOIN attachments_attachment a"
        " ON a.chat_id = m.chat_id AND a.key = m.attachment_id AND a.message_seq = m.seq"
        " WHERE m.chat_id = %s", (pair.chat_id,),
    ) == [(1,)]  # fmt: skip


@pytest.mark.skipif(not ALL, reason="TC_CHAOS is 0: the short run kills in an upload and a send")
@pytest.mark.parametrize("step", STEPS_OF_A_REMOVAL)
def test_killed_in_a_removal(clinic: Clinic, step: str) -> None:
    pair: Pair = next(clinic.pairs)
    server = clinic.again()
    with connect(server, pair.therapist_token) as api:
        uploaded(api, pair.chat_id, PICTURE, name="a.png", kind="image/png")
    server.stop()
    server.sql(A_DAY_LATER)
    with suppress(AssertionError):  # it may die before it is ready
        clinic.doomed(step)
    clinic.died()
    assert clinic.rows(pair)
    server = clinic.again()
    clinic.until(
        "nothing is left",
        lambda: clinic.all_swept() and not clinic.rows(pair),
    )
