"""The keeper: a small process that owns the server, and stops it when its last user is gone.

    python -m therapyconnect.embedded.keeper DATA

Detached from whoever started it, so that neither a Ctrl-C nor the end of that process reaches the
server. One thread: it forks, and the kernel ties the server's life to the thread that forked it.
"""

from __future__ import annotations

import argparse
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path

from . import cluster, control, lock, passwords
from .binaries import locate
from .control import Message
from .errors import EmbeddedPostgresError, explain_os_error
from .folder import Folder, private_dir
from .identity import choose
from .server import Server

GRACE_SECONDS = 5.0  # after the last user vanished without goodbye
FIRST_USER_SECONDS = 15.0  # for the one that started us to connect
STEADY_SECONDS = 30.0  # a server that ran this long starts its next backoff from the beginning
FAILURES = 3  # failed starts in a row before waiting users are told
BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0)
CHORES_SECONDS = 10.0
TOUCH_SECONDS = 3600.0


class Keeper:
    """Holds the lock `lock_fd` on `folder` and serves until nobody needs the server."""

    def __init__(self, folder: Folder, lock_fd: int) -> None:
        self._folder = folder
        self._lock_fd = lock_fd
        self._server: Server | None = None
        self._state = Message("starting")
        self._users: dict[socket.socket, bytes] = {}
        self._leaving: list[socket.socket] = []  # said goodbye, and wait for the server to stop
        self._selector = selectors.DefaultSelector()
        self._stop_at: float | None = time.monotonic() + FIRST_USER_SECONDS
        self._told_to_stop = False
        self._prepared = False
        self._failures = 0
        self._started_at = 0.0
        self._start_at: float | None = None
        self._chores_at = self._touched_at = time.monotonic()
        folder.make_socket_dirs()
        self._listener = control.listen(str(folder.control_socket))
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._catch_signals()

    def run(self) -> None:
        """Until the last user is gone, or a signal says stop."""
        try:
            self._prepare()
            self._start()
            self._prepared = True
        except (EmbeddedPostgresError, OSError) as error:
            self._fail(error)
        while not self._done():
            self._wait()
            self._look_after_server()
            self._chores()
        self._shut_down()

    # Users

    def _wait(self) -> None:
        for key, _ in self._selector.select(self._timeout()):
            sock = key.fileobj
            if sock is self._listener:
                self._accept()
            elif isinstance(sock, socket.socket):
                self._hear(sock)
            else:
                with suppress(BlockingIOError):
                    os.read(key.fd, 4096)

    def _accept(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        if control.peer_uid(sock) not in (os.geteuid(), 0):
            sock.close()
            return
        sock.setblocking(False)
        self._users[sock] = b""
        self._selector.register(sock, selectors.EVENT_READ)
        self._stop_at = None
        # Whoever wanted to see the server stop is not its last user any more.
        while self._leaving:
            self._leaving.pop().close()
        self._tell(sock)

    def _hear(self, sock: socket.socket) -> None:
        try:
            data = sock.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        said = self._users[sock] + data
        goodbye = control.BYE in said
        if data and not goodbye:
            self._users[sock] = said[-len(control.BYE) :]
            return
        last = len(self._users) == 1
        if last:
            # After a failure nothing is worth keeping: the next start must look afresh.
            at_once = goodbye or self._state.state == "failed"
            self._stop_at = time.monotonic() + (0.0 if at_once else GRACE_SECONDS)
        if last and goodbye:
            # Its connection stays open until the server has stopped: that is our answer.
            del self._users[sock]
            self._selector.unregister(sock)
            self._leaving.append(sock)
            return
        self._drop(sock)

    def _drop(self, sock: socket.socket) -> None:
        del self._users[sock]
        self._selector.unregister(sock)
        sock.close()

    def _tell(self, sock: socket.socket) -> None:
        # A user that reads nothing finds out later; its end of the connection tells us of it.
        with suppress(OSError):
            sock.send(self._state.encode())

    def _say(self, message: Message) -> None:
        if message != self._state:
            self._state = message
            for sock in self._users:
                self._tell(sock)

    # The server

    def _prepare(self) -> None:
        """Everything before the first start; seconds at most, and users wait meanwhile."""
        folder = self._folder
        identity = choose(folder, locate())
        if folder.home != folder.data:
            private_dir(folder.server_socket_dir)
        secrets = passwords.ensure(folder)
        self._server = Server(folder, identity)
        if not folder.exists():
            cluster.initialise(folder, identity, secrets)
        elif secrets.new:
            self._server.clear()
            cluster.reset_passwords(folder, identity, secrets)

    def _start(self) -> None:
        self._start_at = None
        self._started_at = time.monotonic()
        if self._server is not None:
            self._server.start()

    def _look_after_server(self) -> None:
        server = self._server
        if server is None or not self._prepared:
            return
        now = time.monotonic()
        if self._start_at is not None:
            if now >= self._start_at:
                try:
                    self._start()
                except (EmbeddedPostgresError, OSError) as error:
                    self._fail(error)
                    self._start_at = now + BACKOFF[-1]
        elif not server.running():
            if self._folder_gone():
                return
            was_ready = self._state.state == "ready"
            if was_ready and now - self._started_at > STEADY_SECONDS:
                self._failures = 0
            report(f"PostgreSQL ended ({'it was ready' if was_ready else 'it was starting'}).")
            if not was_ready and self._failures + 1 >= FAILURES:
                self._say(Message("failed", str(server.why_not())))
            else:
                self._say(Message("starting", "the server is started again"))
            self._start_at = now + BACKOFF[min(self._failures, len(BACKOFF) - 1)]
            self._failures += 1
        elif self._state.state != "ready":
            if server.ready():
                self._say(Message("ready"))
                report(f"PostgreSQL is ready, process {server.pid}.")
            else:
                self._say(Message("starting", server.progress()))

    def _fail(self, error: Exception) -> None:
        """Tell the users why; they leave, and with the last of them so do we."""
        if isinstance(error, OSError):
            error = explain_os_error(error, data=self._folder.data)
        report(str(error))
        self._say(Message("failed", str(error)))

    # Time and the end

    def _timeout(self) -> float:
        if self._state.state == "starting" and self._start_at is None:
            return 0.03
        now = time.monotonic()
        soon = [now + CHORES_SECONDS]
        soon += [at for at in (self._stop_at, self._start_at) if at is not None]
        return max(0.0, min(soon) - now)

    def _done(self) -> bool:
        if self._told_to_stop:
            return True
        return self._stop_at is not None and time.monotonic() >= self._stop_at

    def _folder_gone(self) -> bool:
        """Whether the folder was removed or replaced, so that our lock means nothing: we stop."""
        if lock.still_there(self._folder, self._lock_fd):
            return False
        report("The data folder is gone.")
        self._told_to_stop = True
        return True

    def _chores(self) -> None:
        now = time.monotonic()
        if now < self._chores_at + CHORES_SECONDS:
            return
        self._chores_at = now
        if self._folder_gone():
            return
        if self._server is not None:
            self._server.trim_log()
        if now > self._touched_at + TOUCH_SECONDS:
            # Cleaners of /tmp remove what looks unused; PostgreSQL touches its own socket.
            self._touched_at = now
            with suppress(OSError):
                os.utime(self._folder.control_socket)

    def _shut_down(self) -> None:
        """Close the door first, so that whoever comes now waits for the lock, then stop."""
        with suppress(OSError):
            self._folder.control_socket.unlink()
        self._listener.close()
        if self._told_to_stop:
            self._say(Message("stopped"))
        if self._server is not None:
            self._server.stop()
        report("Stopped.")

    def _catch_signals(self) -> None:
        read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(write, False)
        self._selector.register(read, selectors.EVENT_READ)
        # Wakes the loop for every signal, SIGCHLD among them.
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def _on_stop(self, *_: object) -> None:
        self._told_to_stop = True


def report(line: str) -> None:
    """One line in the keeper's log; lost where the disk is full, which must not end the keeper."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
    with suppress(OSError):
        print(f"{stamp} UTC [{os.getpid()}] {line}", file=sys.stderr, flush=True)


def become_owner(folder: Folder) -> None:
    """Started by root on a folder of a normal user: go on as that user, for good.

    PostgreSQL wants its data owned by the one who runs it, and that user must be able to start
    the server again without root.
    """
    owner = folder.data.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)


def main() -> int:
    """The process itself: ends with 0 when it has served, with 1 when it could not begin."""
    parser = argparse.ArgumentParser(prog="python -m therapyconnect.embedded.keeper")
    parser.add_argument("data", type=Path)
    # The two that `lease` passes; started by hand, the keeper does without.
    parser.add_argument("--lock-fd", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--listening-fd", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    folder = Folder.at(given.data)
    try:
        if given.lock_fd is None:
            folder.prepare()
        else:
            # Nobody's child: whoever started us need not reap us.
            if os.fork() != 0:
                os._exit(0)
        become_owner(folder)
        lock_fd = given.lock_fd if given.lock_fd is not None else lock.take(folder)
        if lock_fd is None:
            raise EmbeddedPostgresError(f"Another keeper looks after {folder.data}.")
        os.set_inheritable(lock_fd, False)
        os.umask(0o077)
        keeper = Keeper(folder, lock_fd)
        if given.listening_fd is not None:
            os.close(given.listening_fd)
        keeper.run()
        # At once, with the last user's connection still open: its end tells that user that
        # everything is gone, this process and its lock included.
        os._exit(0)
    except EmbeddedPostgresError as error:
        report(str(error))
        return 1
    except Exception:
        report(traceback.format_exc())
        return 1


if __name__ == "__main__":
    sys.exit(main())
