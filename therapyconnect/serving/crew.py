"""A crew: several processes behind one port, kept, stopped and renewed by one that serves nothing.

The parent binds the port and hands it down, so all workers take from one queue: while one of them
stops, no connection that waits there is lost. Renewing goes one by one: the new one is ready before
the old one is told to stop.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Final

from therapyconnect.serving.server import STOP_SIGNALS

logger = logging.getLogger("therapyconnect.serving")

RENEW_SIGNAL: Final = signal.SIGUSR1
READY_SECONDS: Final = 60.0
"""Who does not serve after that is ended, and counts as one that failed."""
STOP_SECONDS: Final = 20.0
"""More than an orderly stop may take; who still runs then is killed."""
PAUSE_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Before a worker that died is replaced: longer, the more of them die without becoming ready."""
BIND_SECONDS: Final = 3.0

Command = Callable[[int, int, int], Sequence[str]]
"""`command(listening, ready, life)`: what to run as a worker, with three open file descriptors.

It serves on the first; writes a byte to the second once it does; and stops in order when the third
ends, which happens when the parent is gone, however it went.
"""


class Worker:
    """One process of the crew."""

    def __init__(self, command: Command, listening: int) -> None:
        self._ready, ready_end = os.pipe()
        life_end, self._life = os.pipe()
        self.ready = False
        self.began = time.monotonic()
        self.stopping_since: float | None = None
        fds = (listening, ready_end, life_end)
        try:
            self.process = subprocess.Popen(  # noqa: S603  # the caller's own program
                command(*fds), pass_fds=fds, start_new_session=True, stdin=subprocess.DEVNULL
            )
        except OSError:
            os.close(self._ready)
            os.close(self._life)
            raise
        finally:
            os.close(ready_end)
            os.close(life_end)

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def look(self) -> None:
        """Notice that it has become ready."""
        if not self.ready and select.select([self._ready], [], [], 0)[0]:
            self.ready = os.read(self._ready, 1) != b""

    def signal(self, number: int) -> None:
        if self.alive:
            self.process.send_signal(number)

    def stop(self) -> None:
        if self.stopping_since is None:
            self.stopping_since = time.monotonic()
        self.signal(signal.SIGTERM)

    def close(self) -> None:
        """After it has ended."""
        self.process.wait()
        os.close(self._ready)
        os.close(self._life)


class Crew:
    """`run` returns when a stop signal came and all have ended: 0, or 1 where none ever served."""

    def __init__(
        self,
        command: Command,
        *,
        count: int,
        host: str,
        port: int,
        ready_seconds: float = READY_SECONDS,
    ) -> None:
        self._command = command
        self._ready_seconds = ready_seconds
        self._count = count
        self._listening = _bind(host, port)
        self.port: int = self._listening.getsockname()[1]
        self._workers: list[Worker] = []
        self._wake_read, self._wake_write = os.pipe()
        self._signals: list[int] = []
        self._failures = 0
        self._next_start = 0.0
        self._renewing: list[Worker] = []

    def run(self, on_ready: Callable[[], None]) -> int:
        """Keep `count` workers until told to stop; `on_ready` is called once all serve."""
        ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        for wanted in (*STOP_SIGNALS, RENEW_SIGNAL, signal.SIGCHLD):
            if not (ignored and wanted == signal.SIGHUP):
                signal.signal(wanted, self._on_signal)
        greeted = False
        while True:
            for number in self._take_signals():
                if number == RENEW_SIGNAL:
                    self._renewing = [*self._workers]
                elif number != signal.SIGCHLD:
                    return self._stop(ever_served=greeted)
            self._bury()
            self._fill_up()
            self._renew_one()
            if not greeted and len(self._serving()) == self._count:
                greeted = True
                on_ready()
            self._wait(0.2)

    # --- one turn -----------------------------------------------------------------------------

    def _bury(self) -> None:
        for worker in [worker for worker in self._workers if not worker.alive]:
            self._workers.remove(worker)
            worker.close()
            if worker.stopping_since is None:
                status = worker.process.returncode
                logger.error("a worker ended by itself, with status %d", status)
                self._failed(ever_ready=worker.ready)
        now = time.monotonic()
        for worker in self._workers:
            worker.look()
            since = worker.stopping_since
            if since is not None and now - since > STOP_SECONDS:
                worker.signal(signal.SIGKILL)
            elif not worker.ready and now - worker.began > self._ready_seconds:
                worker.signal(signal.SIGKILL)  # and is buried as one that failed

    def _failed(self, *, ever_ready: bool) -> None:
        """Wait before the next start; whoever is to be renewed stays, where its successor can't."""
        self._failures = 0 if ever_ready else self._failures + 1
        pause = PAUSE_SECONDS[min(self._failures, len(PAUSE_SECONDS) - 1)]
        self._next_start = time.monotonic() + pause
        if not ever_ready and self._renewing:
            self._renewing = []
            logger.error("the renewal is given up: a new worker did not begin to serve")

    def _fill_up(self) -> None:
        if time.monotonic() < self._next_start:
            return
        staying = [worker for worker in self._workers if worker.stopping_since is None]
        for _ in range(self._count - len(staying)):
            if time.monotonic() >= self._next_start:
                self._start()

    def _renew_one(self) -> None:
        """Start the next one's successor; once that serves, stop it, and go on to the one after."""
        self._renewing = [w for w in self._renewing if w.alive and w.stopping_since is None]
        if not self._renewing or time.monotonic() < self._next_start:
            return
        staying = [worker for worker in self._workers if worker.stopping_since is None]
        if len(staying) == self._count:
            self._start()
        elif len(self._serving()) > self._count:
            self._renewing.pop(0).stop()

    def _start(self) -> None:
        try:
            self._workers.append(Worker(self._command, self._listening.fileno()))
        except OSError as error:
            logger.error("a worker could not be started: %s", error.strerror)
            self._failed(ever_ready=False)

    def _serving(self) -> list[Worker]:
        return [w for w in self._workers if w.ready and w.stopping_since is None]

    def _stop(self, *, ever_served: bool) -> int:
        self._listening.close()
        for worker in self._workers:
            worker.stop()
        end = time.monotonic() + STOP_SECONDS
        while any(worker.alive for worker in self._workers) and time.monotonic() < end:
            self._wait(0.2)
            for number in self._take_signals():
                if number == signal.SIGINT:  # the second one: at once
                    for worker in self._workers:
                        worker.signal(signal.SIGINT)
        for worker in self._workers:
            worker.signal(signal.SIGKILL)
            worker.close()
        return 0 if ever_served else 1

    # --- signals ------------------------------------------------------------------------------

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signals.append(number)
        os.write(self._wake_write, b".")

    def _take_signals(self) -> list[int]:
        taken, self._signals = self._signals, []
        return taken

    def _wait(self, seconds: float) -> None:
        if select.select([self._wake_read], [], [], seconds)[0]:
            os.read(self._wake_read, 1024)


def _bind(host: str, port: int) -> socket.socket:
    """The bound port; workers of a parent that was killed may still be about to leave it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    end = time.monotonic() + BIND_SECONDS
    while True:
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
            bound.listen(2048)
        except OSError:
            bound.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return bound
