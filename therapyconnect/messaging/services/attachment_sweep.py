"""The attachments' sweep: what is due to be scanned is scanned, what nobody needs is removed.

In a thread of its own: a scan takes its time, and neither the loop nor a request waits for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import structlog
from django.db import connection

from therapyconnect.attachments.incoming import incoming
from therapyconnect.attachments.services import removing, scanning
from therapyconnect.messaging.services.attaching import tell

log = structlog.get_logger("therapyconnect.messaging.attachment_sweep")

INTERVAL_SECONDS: Final = 1.0
REMOVE_SECONDS: Final = 5.0
STOP_SECONDS: Final = 1.0


class AttachmentSweep:
    """Started and stopped with the server. Killed at any step, the next one goes on."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="attachments", daemon=True)

    def start(self) -> None:
        incoming()  # before the first request needs its folder
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; a scan under way is not waited for, since it is due again by itself."""
        self._stopping.set()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        self._do("uploads", lambda: incoming().sweep())
        remove_at = 0.0
        while not self._stopping.is_set():
            self._do("scans", _scan)
            if time.monotonic() >= remove_at:
                self._do("removal", removing.sweep)
                remove_at = time.monotonic() + REMOVE_SECONDS
            connection.close()  # back to its pool
            self._stopping.wait(INTERVAL_SECONDS)

    def _do(self, what: str, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:
            # The database or the store is away: what is due stays due.
            log.warning("attachments.sweep_failed", what=what, error=type(error).__name__)


def _scan() -> None:
    while changed := scanning.scan_due():
        tell(changed)
