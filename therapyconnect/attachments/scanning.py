"""The virus scanner: ClamAV's `clamd`, over INSTREAM."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import time
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal, Protocol
from urllib.parse import urlsplit

Reason = Literal["unreachable", "timeout", "garbage", "limit"]

CONNECT_SECONDS: Final = 5.0
SCAN_SECONDS: Final = 120.0
LEAST_REASON: Final = 20
"""Characters that a reason to go without a scanner has at least."""

_CHUNK: Final = 64 * 1024
_MAX_ANSWER: Final = 1024
_FOUND: Final = re.compile(rb"stream: ([!-~][ -~]{0,200}) FOUND")
_SIZE: Final = struct.Struct("!L")


@dataclass(frozen=True, slots=True)
class Clean:
    """The scanner read all of it and found nothing."""


@dataclass(frozen=True, slots=True)
class Infected:
    """The scanner knows this as `signature`."""

    signature: str


Verdict = Clean | Infected


class ScannerDown(Exception):
    """No verdict, which is never a clean one. `limit`: more than it takes, by its own settings."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


class Scanner(Protocol):
    def scan(self, source: BinaryIO) -> Verdict:
        """Read `source` from where it stands to its end and judge it; raises `ScannerDown`."""
        ...

    def version(self) -> str:
        """What it calls itself, with the age of its signatures; raises `ScannerDown`."""
        ...


@dataclass(frozen=True, slots=True)
class Clamd:
    """A `clamd`, by its address: a host with a port, or the path of a socket. One call, one line.

    Holds no connection: one that is gone is noticed at the next file, and the one after it works.
    """

    address: tuple[str, int] | str
    seconds: float = SCAN_SECONDS
    """For one file as a whole, however slowly it answers in between."""

    def scan(self, source: BinaryIO) -> Verdict:
        answer = self._ask(b"zINSTREAM\0", self.seconds, source)
        if answer == b"stream: OK":
            return Clean()
        if found := _FOUND.fullmatch(answer):
            return Infected(found[1].decode("ascii"))
        raise ScannerDown("limit" if b"size limit exceeded" in answer else "garbage")

    def version(self) -> str:
        answer = self._ask(b"zVERSION\0", CONNECT_SECONDS).decode("ascii", "replace")
        if not answer.startswith("ClamAV ") or not answer.isprintable():
            raise ScannerDown("garbage")
        return answer

    def _ask(self, command: bytes, seconds: float, source: BinaryIO | None = None) -> bytes:
        end = time.monotonic() + seconds
        try:
            with self._connect() as line:
                try:
                    _send(line, end, command)
                    if source is not None:
                        while chunk := source.read(_CHUNK):
                            _send(line, end, _SIZE.pack(len(chunk)) + chunk)
                        _send(line, end, _SIZE.pack(0))
                except (BrokenPipeError, ConnectionResetError):
                    # It hung up in the middle: often it has said why.
                    with contextlib.suppress(ConnectionError):
                        return _receive(line, end)
                    raise
                return _receive(line, end)
        except TimeoutError:
            raise ScannerDown("timeout") from None
        except OSError:
            raise ScannerDown("unreachable") from None

    def _connect(self) -> socket.socket:
        most = min(CONNECT_SECONDS, self.seconds)
        if isinstance(self.address, tuple):
            return socket.create_connection(self.address, most)
        line = socket.socket(socket.AF_UNIX)
        try:
            line.settimeout(most)
            line.connect(self.address)
        except BaseException:
            line.close()
            raise
        return line


def _send(line: socket.socket, end: float, data: bytes) -> None:
    line.settimeout(_left(end))
    line.sendall(data)


def _receive(line: socket.socket, end: float) -> bytes:
    """One answer, up to its NUL; what has none is cut short, and no answer."""
    answer = b""
    while not answer.endswith(b"\0"):
        line.settimeout(_left(end))
        piece = line.recv(_MAX_ANSWER)
        if not piece:
            raise ScannerDown("garbage" if answer else "unreachable")
        answer += piece
        if len(answer) > _MAX_ANSWER:
            raise ScannerDown("garbage")
    return answer[:-1]


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def scanner_from(setting: str) -> Scanner | None:
    """The scanner that THERAPYCONNECT_CLAMAV names; None where it is switched off, or not set.

    `tcp://host:port`, `unix:///path`, or `off:` and a reason of 20 characters or more. Raises
    `ValueError` with what is wrong.
    """
    if not setting:
        return None
    scheme, _, rest = setting.partition(":")
    if scheme == "off":
        if len(" ".join(rest.split())) < LEAST_REASON:
            raise ValueError(f"off: wants a reason of {LEAST_REASON} characters or more behind it")
        return None
    parts = urlsplit(setting)
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("is an address alone: tcp://host:port or unix:///path")
    if parts.scheme == "tcp" and parts.hostname and parts.path in ("", "/"):
        # Above 65535, `port` raises a ValueError that says so.
        if not parts.port:
            raise ValueError("wants a port: tcp://host:port")
        return Clamd((parts.hostname, parts.port))
    if parts.scheme == "unix" and not parts.netloc and len(parts.path) > 1:
        return Clamd(parts.path)
    raise ValueError("is tcp://host:port, unix:///path, or off: and a reason")
