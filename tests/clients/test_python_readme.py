"""The package's README works as it stands, and the blocking face does what the client does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading

import pytest

from tests.clients.steps import SECONDS, tokens_of
from tests.harness.server import ROOT, LiveServer, Pair
from therapyconnect_client import BlockingClient, NotFound, Stopped
from therapyconnect_client.frames import NewMessage

PACKAGE = ROOT / "clients" / "python"


def test_the_readme_runs(server: LiveServer) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (PACKAGE / "README.md").read_text(), re.M | re.S)
    assert len(blocks) == 2
    for block, printed in zip(blocks, ("wrote How was your week?", "acknowledged as number")):
        done = subprocess.run(
            [sys.executable, "-W", "error", "-"], input=block, text=True, capture_output=True,
            timeout=2 * SECONDS, cwd=PACKAGE, env={**os.environ, "BASE": server.base},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert printed in done.stdout
        assert done.stderr == ""


def test_the_package_stands_alone() -> None:
    """It imports nothing of the server, and nothing but what its pyproject names."""
    code = (
        "import sys, therapyconnect_client as c; "
        "print(*sorted({name.split('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PACKAGE, text=True, capture_output=True, check=True
    )
    assert not {"therapyconnect", "django", "tests"} & set(done.stdout.split())
    assert (PACKAGE / "therapyconnect_client" / "py.typed").exists()


def test_the_blocking_face(server: LiveServer, pair: Pair) -> None:
    with (
        BlockingClient(server.base, tokens=tokens_of(pair, "therapist")) as therapist,
        BlockingClient(server.base, tokens=tokens_of(pair, "patient")) as patient,
    ):
        assert patient.user_id == pair.patient_id
        sent = therapist.send(pair.chat_id, "Good morning").wait(SECONDS)
        for event in patient.events():
            if isinstance(event, NewMessage):
                assert event.message.id == sent.id
                patient.typing(pair.chat_id)
                patient.mark_read(pair.chat_id, event.seq)
                break
        assert [chat.id for chat in patient.chats()] == [pair.chat_id]
        assert [message.seq for message in patient.history(pair.chat_id)] == [1]
        with pytest.raises(NotFound):
            patient.call(lambda client: client.chats.get("CHAT_t_nobody_p_nobody"))
        # From several threads at once.
        found: list[int] = []
        threads = [
            threading.Thread(
                target=lambda: found.append(patient.send(pair.chat_id, "x").wait().seq)
            )
            for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS)
        assert sorted(found) == [2, 3, 4, 5, 6]


def test_a_blocking_client_that_is_closed_ends_its_thread(pair: Pair) -> None:
    before = set(threading.enumerate())
    client = BlockingClient("http://127.0.0.1:9", tokens=tokens_of(pair, "patient"))
    delivery = client.send(pair.chat_id, "never mind", emergency=True)
    assert delivery.first_answer() == ()
    with pytest.raises(TimeoutError):
        delivery.wait(0.05)
    waiting = threading.Thread(target=lambda: [None for _ in client.events()])
    waiting.start()
    client.close()
    waiting.join(SECONDS)
    assert not waiting.is_alive()
    assert set(threading.enumerate()) <= before
    with pytest.raises(Stopped):
        client.send(pair.chat_id, "too late")


def test_a_call_while_the_loop_is_taken_down_ends_too(pair: Pair) -> None:
    """From another thread, after the loop was stopped and before it is closed."""
    client = BlockingClient("http://127.0.0.1:9", tokens=tokens_of(pair, "patient"))
    raised: list[BaseException] = []

    def late() -> None:
        try:
            client.call(lambda c: c.people.me())
        except BaseException as error:
            raised.append(error)

    loop, other = client._thread, threading.Thread(target=late, daemon=True)

    class Joined(threading.Thread):
        def join(self, timeout: float | None = None) -> None:
            loop.join(timeout)
            other.start()
            other.join(SECONDS)

    client._thread = Joined()
    client.close()
    assert [type(error) for error in raised] == [Stopped]
    client.close()  # once more is none too many
