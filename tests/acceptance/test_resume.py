"""G5: resume misses nothing, repeats nothing, reorders nothing, on a bad line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tests.acceptance.checker import Floor
from tests.acceptance.clients import RestClient, Run
from tests.acceptance.devices import Device
from tests.acceptance.history import History
from tests.acceptance.proxy import Proxy
from tests.acceptance.storm import Client, judge, report, storm, until
from tests.harness.server import LiveServer, Pair

SECONDS = 15.0
FLOOR = Floor(acks=300, sockets=200, changes=30)
SHORT = (0.0, 2.0)
DONE = ("cuts", "resets", "slices", "stalls", "throttles")


def crew_on_a_bad_line(port: int) -> Callable[[Run, list[Pair]], list[Client]]:
    """Senders on good lines and bad, and for each chat six listeners of both kinds on bad ones."""

    def crew(run: Run, pairs: list[Pair]) -> list[Client]:
        found: list[Client] = []
        for n, pair in enumerate(pairs):
            one = [pair]
            found.append(RestClient(run, f"rest-p{n}", pair, "patient", pace=0.1))
            found.append(Device(run, f"steady-t{n}", one, "therapist", "chat", pace=0.06))
            found.append(
                Device(
                    run, f"bad-p{n}", one, "patient", "user", pace=0.1, receipts=True,
                    lives=SHORT, port=port,
                )
            )  # fmt: skip
            for m in range(3):
                for side, kind in (("therapist", "user"), ("patient", "chat")):
                    name = f"{kind}-{side}{n}-{m}"
                    found.append(
                        Device(run, name, one, side, kind, lives=SHORT, port=port)  # type: ignore[arg-type]
                    )
        return found

    return crew


def test_sockets_that_live_two_seconds_at_most(
    product: LiveServer,
    take: Callable[[int], list[Pair]],
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    pairs = take(3)
    run = Run(product.base, History(), seed, ask_seconds=3.0)

    async def rage_on_a_bad_line() -> dict[str, int]:
        async with Proxy(product.port, run.random("proxy")) as proxy:
            crew = crew_on_a_bad_line(proxy.port)
            await storm(run, pairs, seconds=SECONDS, crew=crew, faults=until(FLOOR))
            return dict(proxy.done)

    done = asyncio.run(rage_on_a_bad_line())
    violations = judge(run, pairs, FLOOR)
    record_property("measured", f"{run.history.tally()}; proxy {done}")
    print(run.history.tally(), done)  # noqa: T201
    assert not violations, report(run.history, violations, seed)
    assert min(done[what] for what in DONE) >= 10, done
