"""Check any installation: `python -m tests.acceptance --base URL --pairs FILE --seconds N`.

`FILE` holds what `manage.py loadusers N` wrote, with tokens that are still valid, and chats that
nobody else writes to. Exits with 1 where a promise was broken or too little was measured.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from functools import partial
from pathlib import Path

from tests.acceptance.checker import Floor
from tests.acceptance.finals import read_final
from tests.acceptance.storm import rage, report, usual_crew
from tests.harness.server import Pair


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance", description=__doc__)
    parser.add_argument("--base", required=True, help="such as http://127.0.0.1:8000")
    parser.add_argument("--pairs", required=True, type=Path, help="from `manage.py loadusers N`")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--chats", type=int, default=4, help="how many pairs to use")
    parser.add_argument("--pace", type=float, default=0.1, help="mean pause between sends, seconds")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--acks", type=int, default=100, help="fewer are no proof")
    parser.add_argument("--sockets", type=int, default=10, help="fewer are no proof")
    parser.add_argument("--dump", type=Path, help="write the history here")
    given = parser.parse_args()
    lines = given.pairs.read_text().splitlines()
    pairs = [Pair(**json.loads(line)) for line in lines if line.startswith("{")]
    empty = [pair for pair in pairs if read_final(given.base, pair).last_seq == 0][: given.chats]
    if not empty:
        print("every chat of these pairs has messages already: load more users", file=sys.stderr)  # noqa: T201
        return 2
    history, violations = rage(
        given.base.rstrip("/"),
        empty,
        seconds=given.seconds,
        seed=given.seed,
        crew=partial(usual_crew, pace=given.pace),
        floor=Floor(acks=given.acks, sockets=given.sockets),
    )
    if given.dump is not None:
        history.dump(given.dump)
    print(report(history, violations, given.seed))  # noqa: T201
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
