"""A scanner that does what it is told, at the other end of clamd's protocol: for states alone.

What a true `clamd` finds is another test's affair.
"""

from __future__ import annotations

import socket
import struct
import threading
from types import TracebackType

FOUND = b"the mark of a test"


class ScannerAtHand:
    """Answers `FOUND` files with a signature and others with OK, while `up`; else hangs up."""

    def __init__(self) -> None:
        self.up = True
        self.scanned = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.setting = f"tcp://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            connection.settimeout(20)
            if not self.up:
                return
            command = b""
            while not command.endswith(b"\0") and (byte := stream.read(1)):
                command += byte
            if command != b"zINSTREAM\0":
                connection.sendall(b"ClamAV at hand/1\0")
                return
            content = b""
            while length := struct.unpack("!L", stream.read(4))[0]:
                content += stream.read(length)
            self.scanned += 1
            verdict = b"A.Test.Mark FOUND" if FOUND in content else b"OK"
            connection.sendall(b"stream: " + verdict + b"\0")

    def __enter__(self) -> ScannerAtHand:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listening.close()
