"""A real `clamd`, from Debian, with two signatures of our own and none fetched."""

from __future__ import annotations

import hashlib
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.harness.server import free_port
from therapyconnect.attachments.probing import EICAR

PROGRAM = shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin:/usr/local/sbin")
READY_SECONDS = 90.0
MARK = b"MARK-OF-A-TEST-VIRUS-OF-OUR-OWN"


class Clamd:
    """Listens on a port and on a socket in its folder."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.socket = folder / "clamd.sock"
        self._process: subprocess.Popen[bytes] | None = None
        signatures = folder / "signatures"
        signatures.mkdir()
        digest = hashlib.md5(EICAR).hexdigest()
        (signatures / "own.hdb").write_text(f"{digest}:{len(EICAR)}:Own.Test.Eicar\n")
        (signatures / "own.ndb").write_text(f"Own.Test.Mark:0:*:{MARK.hex()}\n")
        lines = {
            "Foreground": "yes",
            "DatabaseDirectory": str(signatures),
            "LocalSocket": str(self.socket),
            "TCPSocket": str(self.port),
            "TCPAddr": "127.0.0.1",
            "TemporaryDirectory": str(folder),
            "MaxThreads": "4",
            "StreamMaxLength": "64M",
            "MaxFileSize": "64M",
            "MaxScanSize": "128M",
            "AlertExceedsMax": "yes",
        } | settings
        self._config = folder / "clamd.conf"
        self._config.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))

    @property
    def tcp(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def unix(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        assert PROGRAM is not None
        log = self.folder / "clamd.log"
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [PROGRAM, f"--config-file={self._config}"], stdout=out, stderr=out
            )
        end = time.monotonic() + READY_SECONDS
        while not (self.socket.exists() and self._answers()):
            gone = self._process.poll() is not None or time.monotonic() > end
            assert not gone, log.read_text()
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as line:
                line.sendall(b"zPING\0")
                return line.recv(16) == b"PONG\0"
        except OSError:
            return False

    def send(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self, number: int = signal.SIGKILL) -> None:
        if self._process is not None:
            # A stopped one would not hear anything else.
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(60)
            self._process = None
        self.socket.unlink(missing_ok=True)
