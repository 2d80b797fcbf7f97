"""What a test in another process may ask of whoever runs the server, a line each."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.harness.server import LiveServer

MINT = (
    "from therapyconnect.accounts.tokens import mint_access, verify_access\n"
    "claims = verify_access({token!r})\n"
    "print(mint_access(user_id=claims.user_id, session_id=claims.session_id,"
    " lifetime_seconds={seconds}))"
)


class Control:
    """Kills and starts the server, locks its messages, spends quotas, mints short tokens."""

    def __init__(self, server: LiveServer) -> None:
        self.server = server
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
        """Let so many be left in a user's bucket."""
        self.server.sql(
            "INSERT INTO accounts_quota (key, tokens, at) VALUES (%s, %s, now())"
            " ON CONFLICT (key) DO UPDATE SET tokens = EXCLUDED.tokens, at = EXCLUDED.at",
            (f"{name}:{user_id}", float(tokens)),
        )

    def _mint(self, seconds: str, token: str) -> str:
        """A token of the same session that ends soon."""
        code = MINT.format(token=token, seconds=int(seconds))
        return self.server.manage("shell", "--verbosity", "0", "-c", code).strip()

    def _rows(self, chat_id: str) -> int:
        """How many messages the chat has, past the product."""
        rows = self.server.sql(
            "SELECT count(*) FROM messaging_message WHERE chat_id = %s", (chat_id,)
        )
        return int(rows[0][0])


@contextmanager
def controlled(server: LiveServer) -> Iterator[int]:
    """The port where a server's control listens."""
    control = Control(server)

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
