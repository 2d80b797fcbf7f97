"""The app's memory while ten uploads run at once: a fraction of what is sent."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.api.calls import connect
from tests.attachments.files import text_of, upload
from tests.harness.server import LiveServer, Pair

AT_ONCE = 10
# TC_CHAOS=1 sends 50 MiB each; the default fits into every test run.
SIZE = (50 if int(os.environ.get("TC_CHAOS") or 0) else 12) * (1 << 20)
ROOM_KIB = 100 * 1024
"""For ten of them together, above what the app had before: a fifth of 500 MiB."""


def memory_of(pid: int, name: str) -> int:
    """KiB, as the kernel counts them."""
    match = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert match is not None
    return int(match[1])


def test_ten_uploads_at_once(
    server: LiveServer, pair: Pair, record_property: pytest.RecordProperty, seed: int
) -> None:
    assert server.process is not None
    pid = server.process.pid
    content = text_of(SIZE, seed=seed)

    def send(_: int) -> int:
        with connect(server, pair.therapist_token) as api:
            api.timeout = 300  # type: ignore[assignment]
            return upload(api, pair.chat_id, content).status_code

    assert send(0) == 201  # what is loaded at the first is there from now on
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the peak counts from here
    before = memory_of(pid, "VmRSS")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = list(pool.map(send, range(AT_ONCE)))
    peak = memory_of(pid, "VmHWM")
    assert statuses == [201] * AT_ONCE
    record_property(
        "measured",
        f"{AT_ONCE} uploads of {SIZE >> 20} MiB at once: {before >> 10} MiB before,"
        f" peak {peak >> 10} MiB",
    )
    assert peak - before < ROOM_KIB
    server.sql(
        "UPDATE attachments_attachment SET doomed_at = now() WHERE chat_id = %s", (pair.chat_id,)
    )
