"""The web client's build beside a server that serves already; of a checkout only."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from typing import Final

from therapyconnect.web.places import CHECKOUT

_SCRIPT: Final = CHECKOUT / "scripts" / "web.py"
_STOP_SECONDS: Final = 5.0


class WebBuild:
    """One run of `scripts/web.py`, of lowest priority. It says by itself, in a line each, that it
    builds and how that ended; where there is nothing to build, nothing. The server goes on."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if not _SCRIPT.is_file():
            return
        with suppress(OSError):
            self._process = subprocess.Popen(  # noqa: S603  # our own script
                [sys.executable, str(_SCRIPT), "--gently"],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            # Its end is taken note of whenever it comes.
            threading.Thread(target=self._process.wait, daemon=True).start()

    def stop(self) -> None:
        """End it, and what it started."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
