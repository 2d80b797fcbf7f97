"""What a scanner may say, and how little of it is believed; the setting that names it."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness.server import free_port
from tests.ops.test_environment import _start
from therapyconnect.attachments.scanning import Clamd, Clean, ScannerDown, scanner_from

GARBAGE = [
    b"",
    b"\0",
    b"stream: OK",
    b"OK\0",
    b"stream: ok\0",
    b"stream: OK\n\0",
    b"stream: OK\0stream: OK\0",
    b"1: stream: OK\0",
    b" stream: OK\0",
    b"stream: FOUND\0",
    b"stream:  FOUND\0",
    b"stream: \xff\xfe FOUND\0",
    b"stream: a\r\nSet-Cookie: b FOUND\0",
    b"stream: " + b"a" * 300 + b" FOUND\0",
    b"INSTREAM size limit exceeded. ERROR\0",
    b"UNKNOWN COMMAND\0",
    b"HTTP/1.1 200 OK\r\n\r\n\0",
    b"a" * 100_000,
]


@contextmanager
def _answering(answer: bytes) -> Iterator[Clamd]:
    """A line whose other end reads what it is sent, and says this. No `clamd` says such things."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=_answer, args=(listening, answer))
        thread.start()
        yield Clamd(("127.0.0.1", listening.getsockname()[1]), seconds=30)
        thread.join(30)
        assert not thread.is_alive()


def _answer(listening: socket.socket, answer: bytes) -> None:
    line, _ = listening.accept()
    with line:
        heard = b""
        while not heard.endswith(bytes(4)):
            heard += line.recv(65536)
        try:
            line.sendall(answer)
        except OSError:
            return


@pytest.mark.parametrize("answer", GARBAGE, ids=lambda answer: ascii(answer[:24]))
def test_anything_but_the_one_word_is_not_clean(answer: bytes) -> None:
    with _answering(answer) as scanner, pytest.raises(ScannerDown):
        scanner.scan(io.BytesIO(b"Good morning"))


def test_the_one_word_is() -> None:
    with _answering(b"stream: OK\0") as scanner:
        assert scanner.scan(io.BytesIO(b"Good morning")) == Clean()


def test_nobody_there() -> None:
    for scanner in (Clamd(("127.0.0.1", free_port())), Clamd("/nowhere/clamd.sock")):
        with pytest.raises(ScannerDown, match="unreachable"):
            scanner.scan(io.BytesIO(b"x"))
    with pytest.raises(ScannerDown, match="unreachable"):
        Clamd(("no-such-host.invalid", 1)).scan(io.BytesIO(b"x"))


WRONG = {
    "tcp://127.0.0.1": "wants a port",
    "tcp://127.0.0.1:0": "wants a port",
    "tcp://127.0.0.1:99999": "ort",
    "tcp://:3310": "is tcp://",
    "tcp://127.0.0.1:3310/x": "is tcp://",
    "tcp://user@127.0.0.1:3310": "an address alone",
    "unix://": "is tcp://",
    "unix://run/clamd.sock": "is tcp://",
    "http://127.0.0.1:3310": "is tcp://",
    "/run/clamd.sock": "is tcp://",
    "on": "is tcp://",
    "off": "wants a reason",
    "off:": "wants a reason",
    "off: no": "wants a reason",
    "off:                                     ": "wants a reason",
}


@pytest.mark.parametrize("setting", WRONG)
def test_a_setting_that_makes_no_sense_is_told(setting: str) -> None:
    with pytest.raises(ValueError, match=WRONG[setting]):
        scanner_from(setting)


def test_settings_that_do() -> None:
    assert scanner_from("tcp://clamav.lan:3310") == Clamd(("clamav.lan", 3310))
    assert scanner_from("tcp://[::1]:3310/") == Clamd(("::1", 3310))
    assert scanner_from("unix:///run/clamav/clamd.ctl") == Clamd("/run/clamav/clamd.ctl")
    assert scanner_from("off: mail and files are scanned at the proxy") is None
    assert scanner_from("") is None


def test_at_the_start_a_mistake_is_one_line(tmp_path: Path) -> None:
    done = _start(tmp_path, {"THERAPYCONNECT_CLAMAV": "off:no"})
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("THERAPYCONNECT_CLAMAV: off: wants a reason")
