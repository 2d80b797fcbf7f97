"""What the socket tests share: refusals before the upgrade, and tokens of any lifetime."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from websockets.exceptions import InvalidStatus

from tests.api.calls import claims_of
from tests.harness.server import LiveServer, Pair
from tests.harness.sockets import SocketClient


@dataclass(frozen=True)
class Refusal:
    status: int
    body: dict[str, Any]
    headers: Any

    @property
    def code(self) -> str:
        code: str = self.body["errors"][0]["code"]
        return code


def refusal(server: LiveServer, path: str, token: str | None, **options: Any) -> Refusal:
    """What a handshake is refused with; fails where it is not."""
    try:
        client = SocketClient(server, path, token, **options)
    except InvalidStatus as error:
        answer = error.response
        body = json.loads(answer.body or b"{}")
        assert set(body) == {"type", "errors", "request_id"}
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Request-ID"] == body["request_id"]
        return Refusal(answer.status_code, body, answer.headers)
    client.connection.close()
    raise AssertionError(f"{path} was opened")


def mint(server: LiveServer, token: str, seconds: int) -> str:
    """Another token of the same session, valid for so long."""
    claims = claims_of(token)
    return server.manage(
        "shell", "--verbosity", "0", "-c",
        "from therapyconnect.accounts.tokens import mint_access;"
        f"print(mint_access(user_id={claims['sub']!r}, session_id={claims['sid']!r},"
        f" lifetime_seconds={seconds}))",
    ).strip().splitlines()[-1]  # fmt: skip


def chat_path(pair: Pair) -> str:
    return f"/ws/chat/{pair.chat_id}/"


def heard(client: SocketClient, until: str = "pong") -> list[dict[str, Any]]:
    """Everything that reaches `client` before the answer to a ping, which is not counted."""
    start = len(client.received)
    client.send("ping", ref="heard")
    client.until(until, ref="heard")
    return client.received[start:-1]
