"""G4 to G11 at once: a recorded concurrent history, and nothing wrong in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.acceptance.checker import Floor
from tests.acceptance.storm import insiders, rage, report, until
from tests.harness.server import LiveServer, Pair

SECONDS = 10.0


def test_many_senders_on_several_chats(
    product: LiveServer,
    take: Callable[[int], list[Pair]],
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    floor = Floor(acks=400, sockets=40, changes=40, tries=100, revoked=3)
    history, violations = rage(
        product.base, take(4), seconds=SECONDS, seed=seed, floor=floor, faults=until(floor),
        revoked_seconds=10.0,
    )  # fmt: skip
    record_property("measured", history.tally())
    print(history.tally())  # noqa: T201
    assert not violations, report(history, violations, seed)


@pytest.mark.parametrize(
    "wanted",
    [
        Floor(acks=10**6),
        Floor(kills=1),
        Floor(sockets=10**6),
        Floor(changes=10**6),
        Floor(tries=1),
        Floor(revoked=10**6),
    ],
)
def test_too_little_is_no_proof(
    product: LiveServer, take: Callable[[int], list[Pair]], seed: int, wanted: Floor
) -> None:
    _, violations = rage(product.base, take(1), seconds=0.3, seed=seed, floor=wanted, crew=insiders)
    assert {violation.what for violation in violations} == {"too_little"}
