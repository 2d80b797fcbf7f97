"""The benchmark's reckoning: what its table says follows from what was measured."""

from __future__ import annotations

from typing import Any

import pytest

from bench.cells import CELLS, IDLE, ROUND, turned, whole
from bench.plot import draw
from bench.reckon import Clock, half_of, percentiles, ratio, summary
from bench.report import problems, table
from bench.targets import verdicts

SPEED = "messages_per_second"


def rounds_of(**speeds: list[float]) -> list[dict[str, Any]]:
    """One figure for each cell and round; `_` stands for the `-` of a cell's name."""
    length = max(map(len, speeds.values()))
    return [
        {
            name.replace("_", "-"): {SPEED: values[number]}
            for name, values in speeds.items()
            if number < len(values)
        }
        for number in range(length)
    ]


@pytest.mark.parametrize(
    ("count", "p50", "p99"), [(1, 1, 1), (2, 1, 2), (99, 50, 99), (100, 50, 99), (1000, 500, 990)]
)
def test_percentiles_are_the_nearest_rank(count: int, p50: int, p99: int) -> None:
    milliseconds = [number / 1000 for number in range(count, 0, -1)]
    assert percentiles(milliseconds) == pytest.approx({"p50": p50, "p99": p99})


def test_no_latency_is_no_percentile() -> None:
    assert percentiles([]) == {"p50": 0.0, "p99": 0.0}


def test_a_clock_does_not_wait_and_does_not_drift() -> None:
    clock = Clock(begun=10.0, rate=3.0)
    assert [clock.due(number) for number in (0, 1, 3)] == pytest.approx([10.0, 10 + 1 / 3, 11.0])
    assert clock.due(3_000_000) == pytest.approx(1_000_010.0, abs=1e-6)


def test_a_ratio_is_taken_within_a_round() -> None:
    # The machine was ten times slower in the second round: the ratio does not see it.
    rounds = rounds_of(ours=[1000.0, 100.0], peer=[500.0, 50.0])
    assert ratio(rounds, "ours", ["peer"]) == {"median": 2.0, "min": 2.0, "max": 2.0}


def test_a_ratio_is_to_the_best_of_each_round() -> None:
    rounds = rounds_of(ours=[12.0, 12.0, 12.0], one=[4.0, 3.0], other=[2.0, 6.0, 1.0])
    assert ratio(rounds, "ours", ["one", "other"]) == {"median": 3.0, "min": 2.0, "max": 12.0}
    assert ratio(rounds, "ours", ["absent"]) is None


def test_half_load_is_half_of_what_this_round_saw() -> None:
    (now,) = rounds_of(ours_50x1=[600.0], ours_50x8=[2000.0], ours_500x8=[9000.0])
    assert half_of(now, whole(CELLS["ours-half8"])) == 1000.0
    assert half_of(now, whole(CELLS["ours-half1"])) == 300.0
    assert half_of(now, whole(CELLS["node-half1"])) is None


def test_a_summary_has_medians_and_bounds_of_nested_figures() -> None:
    rounds: list[dict[str, Any]] = [
        {"a": {"ack_ms": {"p50": value, "p99": None}, "errors": []}} for value in (9.0, 1.0, 2.0)
    ]
    assert summary(rounds) == {"a": {"ack_ms.p50": {"median": 2.0, "min": 1.0, "max": 9.0}}}


def test_each_target_is_met_missed_or_not_measured() -> None:
    rounds = rounds_of(
        ours_50x1=[4000.0], ours_50x8=[9000.0], rows_four=[4000.0], node_50x1=[1000.0]
    )
    rounds[0]["ours-half1"] = {"ack_ms": {"p50": 2.9, "p99": 12.1}}
    found = {one.target: one.met for one in verdicts(rounds)}
    assert found["8 in flight / pgbench, four statements"] is True
    assert found["8 in flight / pgbench, one statement"] is None
    assert found["1 in flight / the best peer"] is True
    assert found["8 in flight / the best peer"] is None
    assert found["1 in flight"] is False
    assert found["8 in flight"] is True
    assert found["ack p50, half of 1 in flight"] is True
    assert found["ack p99, half of 1 in flight"] is False


def test_a_lost_message_is_a_problem() -> None:
    rounds: list[dict[str, Any]] = [
        {"ours-half1": {"unacked": 0, "undelivered": 1, "errors": ["refused"]}}
    ]
    assert problems(rounds) == ["ours-half1: refused", "ours-half1: 1 undelivered"]


def test_a_cell_in_which_nothing_was_answered_is_a_problem_and_no_ratio() -> None:
    rounds = rounds_of(ours_50x1=[100.0], tutorial_50x1=[0.0])
    assert ratio(rounds, "ours-50x1", ["tutorial-50x1"]) is None
    assert problems(rounds) == ["tutorial-50x1: nothing was answered in the measured time"]
    assert draw(summary(rounds_of(tutorial_50x1=[0.0]))).endswith("</svg>\n")


def test_the_contenders_take_turns_and_each_keeps_its_order() -> None:
    contenders = {cell.contender for cell in ROUND}
    firsts = {turned(ROUND, number)[0].contender for number in range(len(contenders))}
    assert firsts == contenders
    for number in range(len(contenders)):
        names = [cell.name for cell in turned(ROUND, number)]
        assert sorted(names) == sorted(cell.name for cell in ROUND)
        for half in (cell for cell in ROUND if cell.kind == "half"):
            # Half load is half of what was just seen.
            assert names.index(whole(half)) < names.index(half.name)


def test_table_and_picture_show_every_cell() -> None:
    found = {
        SPEED: 100.0, "ack_ms": {"p50": 1.0, "p99": 200.0}, "app_us": 5.0, "postgres_us": 7000.0,
    }  # fmt: skip
    rounds: list[dict[str, Any]] = [
        {cell.name: found for cell in ROUND}
        | {cell.name: {"kilobytes_per_socket": 6.0} for cell in IDLE}
    ]
    text, picture = table(rounds), draw(summary(rounds))
    for cell in (*IDLE, *ROUND):
        assert cell.label in text
        assert cell.kind == "idle" or f">{cell.label}<" in picture
    assert "nan" not in picture
    assert draw({}).endswith("</svg>\n")
