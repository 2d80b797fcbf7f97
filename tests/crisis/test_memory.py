"""The memory of where people are: bounded, and the longest unseen is forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from therapyconnect.crisis.memory import Memory, Whereabouts


def test_it_forgets_who_was_not_seen_for_longest() -> None:
    memory = Memory(capacity=3)
    for name in "abc":
        memory.remember(name, "CH", "de")
    assert memory.recall("a") == Whereabouts("CH", "de")
    memory.remember("d", "FR", "fr")
    assert memory.recall("b") is None
    assert [memory.recall(name) is not None for name in "acd"] == [True] * 3
    assert len(memory) == 3


def test_a_later_word_counts() -> None:
    memory = Memory()
    memory.remember("a", "CH", "de")
    memory.remember("a", "", "en")
    assert memory.recall("a") == ("", "en")
    memory.forget_all()
    assert memory.recall("a") is None


def test_threads_share_it() -> None:
    memory = Memory(capacity=50)

    def use(n: int) -> None:
        for k in range(300):
            memory.remember(f"{n}-{k}", "CH", "de")
            memory.recall(f"{n}-{k - 20}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(use, range(8)))
    assert len(memory) == 50
