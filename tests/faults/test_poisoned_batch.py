"""One poisoned message among many of one batch fails alone: whatever it is poisoned with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg

from tests.faults.batches import (
    LANES,
    Answer,
    code_of,
    send_together,
    settle,
    transactions,
)
from tests.faults.conftest import Take
from tests.faults.ordeal import Record, endure
from tests.harness.server import LiveServer, Pair

TRIES = 8
FEWEST = 3

Poison = Callable[[str, Pair, str], AbstractContextManager[None]]


@contextmanager
def refused_by_policy(superuser: str, victim: Pair, key: str) -> Iterator[None]:
    with psycopg.connect(superuser, autocommit=True) as admin:
        facts = "UPDATE messaging_chat SET blocked_by_therapist_at = {} WHERE id = %s"
        admin.execute(facts.format("now()"), [victim.chat_id])
        yield
        admin.execute(facts.format("NULL"), [victim.chat_id])


@contextmanager
def refused_by_the_database(superuser: str, victim: Pair, key: str) -> Iterator[None]:
    """A constraint that takes offence at one row: nothing in the application knows of it."""
    with psycopg.connect(superuser, autocommit=True) as admin:
        admin.execute(
            f"ALTER TABLE messaging_message ADD CONSTRAINT poison CHECK (chat_id <>"
            f" '{victim.chat_id}' OR client_message_id IS DISTINCT FROM '{key}') NOT VALID"
        )
        yield
        admin.execute("ALTER TABLE messaging_message DROP CONSTRAINT poison")


@contextmanager
def impossible_to_seal(superuser: str, victim: Pair, key: str) -> Iterator[None]:
    """Its chat's data key is damaged. Nobody has used it since the server started."""
    turn = (
        "UPDATE vault_datakey SET wrapped ="
        " set_byte(wrapped, 20, 255 - get_byte(wrapped, 20)) WHERE chat_id = %s"
    )
    with psycopg.connect(superuser, autocommit=True) as admin:
        assert admin.execute(turn, [victim.chat_id]).rowcount == 1
        yield
        admin.execute(turn, [victim.chat_id])


# Whether the others of the batch are in one transaction all the same: what the application judges
# costs them nothing; what the database refuses has each tried alone.
POISONS: list[tuple[Poison, int, str, bool]] = [
    (refused_by_policy, 403, "chat_blocked", True),
    (refused_by_the_database, 400, "invalid", False),
    (impossible_to_seal, 500, "integrity_error", True),
]


def test_a_poisoned_message_fails_alone(
    stack: LiveServer, take: Take, superuser: str, seed: int, record_property: Record
) -> None:
    storming = take(2)
    told: list[str] = []

    def poisoned() -> None:
        for poison, status, code, together in POISONS:
            pairs = take(7)
            for n in range(TRIES):
                key = f"{code}-{n}"
                shared = _try(stack, superuser, pairs, poison, key, status, code)
                if shared >= FEWEST or (shared and not together):
                    told.append(
                        f"{poison.__name__}: {len(pairs) - LANES - 1} others, {shared} together"
                    )
                    break
            else:
                raise AssertionError("no batch came together")

    endure(
        "a poisoned message among others of its batch", poisoned,
        server=stack, pairs=storming, seed=seed, record=record_property, damaged=False,
    )  # fmt: skip
    record_property("measured", "; ".join(told))
    print("; ".join(told))  # noqa: T201


def _try(
    stack: LiveServer,
    superuser: str,
    pairs: list[Pair],
    poison: Poison,
    key: str,
    status: int,
    code: str,
) -> int:
    """How many of the others were written by one transaction; 0 where somebody waited too long."""
    victim = pairs[-1]
    with poison(superuser, victim, key):
        answers = send_together(stack, superuser, pairs, key)
        unknown = any(answer[0] == 503 for answer in answers.values() if answer)
        if not unknown:
            _check(answers, victim, status, code)
    for pair in pairs:
        first, again = settle(stack, pair, key), settle(stack, pair, key)
        assert first[0] in (200, 201)
        assert (again[0], again[1]["id"]) == (200, first[1]["id"])
    told = transactions(superuser, key)
    assert len(told) == len(pairs)
    together = [told[pair.chat_id] for pair in pairs[LANES:-1]]
    return 0 if unknown else max(map(together.count, together))


def _check(answers: dict[str, Answer | None], victim: Pair, status: int, code: str) -> None:
    for chat_id, answer in answers.items():
        assert answer is not None
        if chat_id == victim.chat_id:
            assert (answer[0], code_of(answer)) == (status, code)
        else:
            assert answer[0] == 201, answer
