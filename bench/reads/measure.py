"""`python -m bench.reads.measure`: one round over one database, read as its readers do.

A process of its own, set to that database. Reads one job as JSON from stdin, writes what it saw.
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "therapyconnect.config.settings")

import django

django.setup()

from websockets.sync.client import connect  # noqa: E402

from bench.reads import catalogue, clinic  # noqa: E402
from therapyconnect.accounts.models import User  # noqa: E402
from therapyconnect.accounts.services.sessions import open_sessions  # noqa: E402
from therapyconnect.accounts.tokens import mint_access  # noqa: E402
from therapyconnect.core.queries import run  # noqa: E402

MOST = 300
LEAST = 5


class Api:
    """One kept-alive connection, no more of a client than needed."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def __call__(self, path: str, body: dict[str, str] | None = None) -> bytes:
        said = json.dumps(body) if body is not None else None
        self._connection.request("POST" if said else "GET", path, said, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {text[:300]!r}")
        return text

    def close(self) -> None:
        self._connection.close()


def timed(act: Callable[[], Any], seconds: float) -> dict[str, float]:
    """Milliseconds, one after another for so long; the first, which warms up, is not counted."""
    act()
    spent: list[float] = []
    end = time.perf_counter() + seconds
    while len(spent) < LEAST or (time.perf_counter() < end and len(spent) < MOST):
        began = time.perf_counter()
        act()
        spent.append((time.perf_counter() - began) * 1000)
    spent.sort()
    return {
        "p50": round(statistics.median(spent), 3),
        "p90": round(spent[len(spent) * 9 // 10], 3),
        "least": round(spent[0], 3),
        "runs": len(spent),
    }


def tokens() -> dict[str, str]:
    users = User.objects.in_bulk([*clinic.READERS])
    sessions = open_sessions(users.values())
    return {
        user_id: mint_access(user_id=user_id, session_id=key, lifetime_seconds=3600)
        for user_id, key in sessions.items()
    }


def measure(job: dict[str, Any]) -> dict[str, Any]:
    seconds, port = job["seconds"], job["port"]
    keys = tokens()
    found: dict[str, Any] = {}
    deep = next(clinic.chats(job["messages"]))
    clients = {user_id: Api(port, token) for user_id, token in keys.items()}
    for read in catalogue.reads(list(clinic.chats(job["messages"]))):
        figures = {"label": read.label}
        figures["selector_ms"] = timed(lambda r=read: run(r.reading()), seconds)
        if read.path is not None:
            api = clients[read.viewer_id]
            figures["rest_ms"] = timed(lambda a=api, r=read: a(f"/api/{r.path}", r.body), seconds)
        found[read.name] = figures
    found["positions"]["socket_ms"] = timed(
        lambda: _open(port, f"/ws/notifications/{clinic.BUSY}/", keys[clinic.BUSY]), seconds
    )
    path = f"/ws/chat/{deep.id}/"
    found["resume"]["socket_ms"] = _resumed(
        port, path, keys[clinic.DEEP], deep.length - 50, seconds
    )
    # A socket replays to the end, so no piece from half way.
    found["resume-250"] = {
        "label": "Resume, last 250 events",
        "socket_ms": _resumed(port, path, keys[clinic.DEEP], deep.length - 250, seconds),
    }
    found["search-oldest"] = _to_the_oldest(clients[clinic.SEARCHED])
    found["twins"] = _twins(clients, deep.id, seconds)
    for api in clients.values():
        api.close()
    return found


def _twins(clients: dict[str, Api], chat_id: str, seconds: float) -> dict[str, Any]:
    """The product's page and the ORM's, in turns, one after the other."""
    pages = {
        "history": (clients[clinic.DEEP], f"messages/?chat_id={chat_id}"),
        "recent": (clients[clinic.BUSY], "chats/"),
    }
    told = {}
    for name, (api, path) in pages.items():
        ours, theirs = (json.loads(api(f"/{root}/{path}"))["results"] for root in ("api", "twin"))
        _same(name, ours, theirs)
        told[name] = {
            root: timed(lambda a=api, r=root, p=path: a(f"/{r}/{p}"), seconds)
            for root in ("api", "twin")
        }
    return told


def _same(name: str, ours: list[Any], theirs: list[Any]) -> None:
    """The twin does the same work: the same rows, the same words, as many fields."""
    key, words = ("id", "text") if name == "history" else ("id", "last_message_text")
    said = [[(row[key], row[words], len(row)) for row in rows] for rows in (ours, theirs)]
    if said[0] != said[1] or not ours:
        raise SystemExit(f"the twin's {name} page is another one")


def _open(port: int, path: str, token: str) -> None:
    with connect(
        f"ws://127.0.0.1:{port}{path}",
        additional_headers={"Authorization": f"Bearer {token}"},
        compression=None,
    ) as socket:
        _until(socket, "connection_established")


def _resumed(port: int, path: str, token: str, after: int, seconds: float) -> dict[str, float]:
    with connect(
        f"ws://127.0.0.1:{port}{path}",
        additional_headers={"Authorization": f"Bearer {token}"},
        compression=None,
    ) as socket:
        _until(socket, "connection_established")

        def once() -> None:
            socket.send(json.dumps({"type": "resume", "after_seq": after}))
            _until(socket, "resumed")

        return timed(once, seconds)


def _until(socket: Any, kind: str) -> None:
    while f'"type":"{kind}"' not in socket.recv(30)[:60]:
        pass


def _to_the_oldest(api: Api) -> dict[str, Any]:
    """A word that only the first message of a caseload has: page after page until it is found."""
    began, pages, address = time.perf_counter(), 0, "/api/messages/search/"
    while True:
        page = json.loads(api(address, {"q": "hardest"}))
        pages += 1
        if page["results"] or page["next"] is None:
            break
        address = "/" + page["next"].split("/", 3)[3]
    if not page["results"]:
        raise SystemExit("the oldest message was not found")
    return {"seconds": round(time.perf_counter() - began, 3), "pages": pages}


if __name__ == "__main__":
    with closing(sys.stdin):
        asked = json.load(sys.stdin)
    json.dump(measure(asked), sys.stdout)
