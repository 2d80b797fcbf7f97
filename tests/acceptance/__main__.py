"""Check any installation: clients write a history of a storm, and a checker judges it.

Without a file it uses the demo accounts. `--accounts FILE` names others, one JSON line for each
chat: {"therapist": {"email": …, "password": …}, "patient": {"email": …, "password": …}}.
`--pairs FILE` is what `manage.py loadusers N` wrote. Nobody else may write to these chats
meanwhile; what was in them before is not judged. The messages that stay behind say
"reliability check". Exits with 1 where a promise was broken or too little was measured.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.checker import Floor
from tests.acceptance.clients import Run
from tests.acceptance.people import NoLogin, from_accounts, from_demo, from_pairs
from tests.acceptance.records import now
from tests.acceptance.storm import rage, report, usual_crew
from tests.harness.server import Pair

EXAMPLE = """example:
  python -m tests.acceptance --base http://127.0.0.1:8000 --seconds 20
  python -m tests.acceptance --base https://chat.example.org --accounts accounts.jsonl \\
      --kill 'docker restart --signal KILL chat' --kills 5 --seconds 120
"""
LONGEST_SECONDS = 600
"""An access token lives 15 minutes, and the end needs some of them."""
PACE = 0.1
"""At which one in one chat stays well below a normal installation's throttles."""
LEAVE_SECONDS = 12.0
"""Between the log-ins of a chat's leaver: an installation counts log-ins by address."""


def main() -> int:
    given = _arguments().parse_args()
    base = given.base.rstrip("/")
    if given.seconds > LONGEST_SECONDS:
        print(f"at most {LONGEST_SECONDS} seconds: tokens are not renewed", file=sys.stderr)  # noqa: T201
        return 2
    try:
        pairs = _pairs(base, given)
    except (NoLogin, httpx.HTTPError) as error:
        print(f"{base}: {error}", file=sys.stderr)  # noqa: T201
        return 2
    floor = Floor(*(getattr(given, name) for name in Floor._fields))
    pace = given.pace or PACE * max(_chats_of_one(pairs))
    history, violations = rage(
        base,
        pairs,
        seconds=given.seconds,
        seed=given.seed,
        crew=partial(usual_crew, pace=pace, leave=LEAVE_SECONDS),
        faults=_killer(given.kill, given.kills, given.seconds) if given.kill else None,
        floor=floor,
    )
    if given.dump is not None:
        history.dump(given.dump)
    print(report(history, violations, given.seed))  # noqa: T201
    return 1 if violations else 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.acceptance",
        description=__doc__,
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--base", required=True, help="such as http://127.0.0.1:8000")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--accounts", type=Path, help="log-ins, one JSON line for each chat")
    who.add_argument("--pairs", type=Path, help="from `manage.py loadusers N`")
    parser.add_argument("--seconds", type=float, default=30.0, help=f"up to {LONGEST_SECONDS}")
    parser.add_argument("--chats", type=int, default=4, help="how many of them to use at most")
    parser.add_argument("--pace", type=float, help="mean pause between a socket's sends, seconds")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of all chance")
    parser.add_argument("--kill", help="a command that kills the server, and starts it again")
    parser.add_argument("--dump", type=Path, help="write the history here")
    floor = parser.add_argument_group("no proof", "a run that has fewer than these does not pass")
    least = {"acks": 100, "kills": 0, "sockets": 10, "changes": 20, "tries": 50, "revoked": 1}
    whats = {
        "acks": "messages acknowledged",
        "kills": "times that --kill is run, spread over the seconds",
        "sockets": "sockets opened",
        "changes": "edits, deletes and restores acknowledged",
        "tries": "attempts of outsiders; needs two chats that share nobody",
        "revoked": "sessions ended",
    }
    for name in Floor._fields:
        floor.add_argument(f"--{name}", type=int, default=least[name], help=whats[name])
    return parser


def _pairs(base: str, given: argparse.Namespace) -> list[Pair]:
    if given.pairs is not None:
        found = from_pairs(given.pairs)
    elif given.accounts is not None:
        found = from_accounts(base, given.accounts)
    else:
        found = from_demo(base)
    if not found:
        raise NoLogin("the file names nobody")
    return found[: given.chats]


def _chats_of_one(pairs: list[Pair]) -> list[int]:
    """In how many of these chats each is."""
    who = Counter(user_id for pair in pairs for user_id in (pair.therapist_id, pair.patient_id))
    return list(who.values())


def _killer(command: str, times: int, seconds: float) -> Callable[[Run], Coroutine[Any, Any, None]]:
    """Runs a command again and again; a run of it that succeeded counts as one kill."""

    async def kill(run: Run) -> None:
        for _ in range(times):
            await asyncio.sleep(seconds / (times + 1))
            began = now()
            process = await asyncio.create_subprocess_shell(command)
            if await process.wait() == 0:
                run.history.kills.append((began, "outside"))
            else:
                run.broke(f"the kill command ended with {process.returncode}")

    return kill


if __name__ == "__main__":
    sys.exit(main())
