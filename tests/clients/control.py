"""What a test in another process may ask of whoever runs the server, a line each."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg

from tests.attachments.scanner import ScannerAtHand
from tests.harness.database import with_database
from tests.harness.server import LiveServer

MINT = (
    "from therapyconnect.accounts.tokens import mint_access, verify_access\n"
    "claims = verify_access({token!r})\n"
    "print(mint_access(user_id=claims.user_id, session_id=claims.session_id,"
    " lifetime_seconds={seconds}))"
)


class Control:
    """Kills and starts the server, locks its messages, spends quotas, mints short tokens."""

    def __init__(self, server: LiveServer, scanner: ScannerAtHand | None = None) -> None:
        self.server = server
        self.scanner = scanner
        self._lock: psycopg.Connection | None = None

    def do(self, command: str, *args: str) -> str:
        doing = {
            "kill": self.server.kill,
            "stop": self.server.stop,
            "start": self.server.start,
            "lock": self._take_lock,
            "unlock": self.unlock,
            "leave": self._leave,
            "mint": self._mint,
            "rows": self._rows,
            "files": self._files,
            "fork": self._fork,
            "scanner": self._scanner,
            "snapshot": self._snapshot,
            "rewind": self._rewind,
        }[command]
        return str(doing(*args) or "")  # type: ignore[operator]

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take_lock(self) -> None:
        assert self.server.database_url is not None
        self._lock = psycopg.connect(self.server.database_url)
        self._lock.execute("LOCK TABLE messaging_message IN ACCESS EXCLUSIVE MODE")

    def _leave(self, name: str, user_id: str, tokens: str) -> None:
        self.server.leave_tokens(name, user_id, float(tokens))

    def _mint(self, seconds: str, token: str) -> str:
        """A token of the same session that ends soon."""
        code = MINT.format(token=token, seconds=int(seconds))
        return self.server.manage("shell", "--verbosity", "0", "-c", code).strip()

    def _files(self, chat_id: str) -> int:
        """How many files of the chat there are."""
        rows = self.server.sql(
            "SELECT count(*) FROM attachments_attachment WHERE chat_id = %s", (chat_id,)
        )
        return int(rows[0][0])

    def _fork(self, chat_id: str) -> None:
        """Mark a chat as a restore from a backup marks it."""
        self.server.sql("UPDATE messaging_chat SET forked_seq = 0 WHERE id = %s", (chat_id,))

    def _scanner(self, how: str) -> None:
        assert self.scanner is not None
        self.scanner.up = how == "up"

    def _snapshot(self) -> None:
        """Keep the database as it is, sessions too; the server must be down."""
        self._copy(self._name, f"{self._name}_kept")

    def _rewind(self) -> None:
        """Put what was kept back: what came since never was."""
        self._copy(f"{self._name}_kept", self._name)

    @property
    def _name(self) -> str:
        assert self.server.database_url is not None
        return urlsplit(self.server.database_url).path.lstrip("/")

    def _copy(self, source: str, target: str) -> None:
        assert self.server.database_url is not None
        url = with_database(self.server.database_url, "postgres")
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{target}" WITH (FORCE)')
            admin.execute(f'CREATE DATABASE "{target}" TEMPLATE "{source}"')

    def _rows(self, chat_id: str) -> int:
        """How many messages the chat has, past the product."""
        rows = self.server.sql(
            "SELECT count(*) FROM messaging_message WHERE chat_id = %s", (chat_id,)
        )
        return int(rows[0][0])


@contextmanager
def controlled(server: LiveServer, scanner: ScannerAtHand | None = None) -> Iterator[int]:
    """The port where a server's control listens."""
    control = Control(server, scanner)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                said = control.do(*self.rfile.readline().decode().split())
                self.wfile.write(f"ok {said}".encode())
            except Exception as error:
                self.wfile.write(f"{type(error).__name__}: {error}".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever, daemon=True)
        thread.start()
        yield listener.server_address[1]
        listener.shutdown()
        thread.join()
        control.unlock()
