"""What a drill consists of: the origin under a storm, its backup, and what came of it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from tests.acceptance.checker import Floor, Violation
from tests.acceptance.clients import RestClient, Run
from tests.acceptance.devices import Device
from tests.acceptance.finals import Final, read_final
from tests.acceptance.history import History
from tests.acceptance.records import now
from tests.acceptance.storm import Client, rage
from tests.harness.server import ROOT, LiveServer, Pair
from therapyconnect.ops.backups.note import PURPOSE
from therapyconnect.vault.errors import SealBroken
from therapyconnect.vault.keyring import ring_from_file
from therapyconnect.vault.sealed_stream import open_stream

CANARY = "kanarienvogel-backup-51c7"
# TC_CHAOS=1 is the whole promise; the default fits into every test run.
SCALE = int(float(os.environ.get("TC_CHAOS") or 0) * 20) or 1
CHATS = 2
ACKS_AROUND = 60 * SCALE
"""How many messages are acknowledged before the backup begins, and again after it has ended."""


def crew_called(name: str, pace: float = 0.12) -> Any:
    """Both people of each chat, over REST and sockets; their message ids begin with `name`."""

    def crew(run: Run, pairs: list[Pair]) -> list[Client]:
        made: list[Client] = []
        for n, pair in enumerate(pairs):
            one = [pair]
            made += [
                RestClient(run, f"{name}-rest-t{n}", pair, "therapist", pace=2 * pace),
                Device(run, f"{name}-chat-p{n}", one, "patient", "chat", pace=pace, receipts=True),
                Device(
                    run, f"{name}-user-t{n}", one, "therapist", "user", pace=pace, receipts=True
                ),
                Device(run, f"{name}-short-p{n}", one, "patient", "user", lives=(0.0, 2.0)),
            ]
        return made

    return crew


@dataclass
class Origin:
    """The installation that was backed up."""

    live: LiveServer
    file: Path
    seed: int
    pairs: list[Pair]
    """Those of the storm."""
    quiet: Pair
    """Of another chat: it has three messages at the time of the backup, the third an emergency."""
    refresh_token: str
    history: History
    violations: list[Violation]
    finals: list[Final]
    begun: float
    ended: float

    @classmethod
    def made(cls, live: LiveServer, file: Path, seed: int, pairs: list[Pair], quiet: Pair) -> Self:
        """A storm on `live`, and a backup into `file` in its middle."""
        login = live.login(f"{quiet.patient_id}@demo.test")
        for n in range(3):
            say(live, quiet.patient_token, quiet.chat_id, f"{CANARY} {n}", emergency=n == 2)
        moments: list[float] = []

        async def back_up(run: Run) -> None:
            await _acked(run, ACKS_AROUND)
            moments.append(now())
            await asyncio.to_thread(live.manage, "backup", str(file))
            moments.append(now())
            await _acked(run, run.history.acks + ACKS_AROUND)

        history, violations = rage(
            live.base, pairs, seed=seed, crew=crew_called("before"), faults=back_up,
            floor=Floor(2 * ACKS_AROUND),
        )  # fmt: skip
        return cls(
            live=live, file=file, seed=seed, pairs=pairs, quiet=quiet,
            refresh_token=login["refresh_token"], history=history, violations=violations,
            finals=[read_final(live.base, pair) for pair in pairs],
            begun=moments[0], ended=moments[1],
        )  # fmt: skip


@dataclass
class Drill:
    """The origin, and the product restored from its backup."""

    origin: Origin
    live: LiveServer
    said: str
    sessions: int
    """How many there were once it was restored, before anyone logged in."""
    _logged_in: dict[str, Pair] = field(default_factory=dict)

    def pair(self, pair: Pair) -> Pair:
        """The same two people, logged in anew once."""
        if pair.chat_id not in self._logged_in:
            self._logged_in[pair.chat_id] = replace(
                pair,
                therapist_token=self.log_in(pair.therapist_id),
                patient_token=self.log_in(pair.patient_id),
            )
        return self._logged_in[pair.chat_id]

    def log_in(self, user_id: str) -> str:
        return self.live.login(f"{user_id}@demo.test")["access_token"]


async def _acked(run: Run, count: int) -> None:
    while run.history.acks < count:
        await asyncio.sleep(0.02)


def say(live: LiveServer, token: str, chat_id: str, text: str, **fields: Any) -> dict[str, Any]:
    """A message, sent over REST."""
    with live.api(token) as api:
        answer = api.post("messages/", json={"chat_id": chat_id, "text": text, **fields})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def take_ring(origin: Origin, folder: Path) -> None:
    """What an administrator carries over by hand."""
    shutil.copytree(origin.live.data / "keys", folder / "keys")


def opens(file: Path, live: LiveServer) -> bool:
    """Whether all of the file opens with the ring of this installation."""
    ring = ring_from_file(live.data / "keys" / "ring.json")
    try:
        with file.open("rb") as source:
            open_stream(source, io.BytesIO(), ring, purpose=PURPOSE)
    except SealBroken:
        return False
    return True


def start(live: LiveServer, *args: str) -> subprocess.Popen[str]:
    """A management command on this installation, running."""
    return subprocess.Popen(
        [sys.executable, "manage.py", *args], cwd=ROOT, env=live.env,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def refusal(running: subprocess.Popen[str]) -> str:
    """The one line of a command that refuses, beside the alarm that the log may hold."""
    said, errors = running.communicate(timeout=180)
    assert running.returncode == 1, (said, errors)
    lines = [line for line in errors.splitlines() if line.strip()]
    told = [line for line in lines if not _is_alarm(line)]
    assert len(told) == 1, errors
    assert told[0].startswith("CommandError: ")
    return told[0]


def _is_alarm(line: str) -> bool:
    return line.startswith("{") and json.loads(line)["event"] == "vault.seal_broken"
