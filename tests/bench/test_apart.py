"""The peers' libraries are the benchmark's alone, and come from locks that name no place."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _pinned(lock: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / lock).read_text(), re.M))


def test_the_product_has_none_of_the_peers_libraries() -> None:
    peers = {"channels", "daphne", "twisted", "autobahn"}
    assert peers <= _pinned("requirements-bench.txt")
    assert not peers & _pinned("requirements.txt")
    assert not peers & _pinned("requirements-dev.txt")


def test_the_twin_runs_on_the_products_django_and_driver() -> None:
    both = [re.findall(r"^(?:django|psycopg|uvicorn)==\S+", (ROOT / lock).read_text(), re.M)
            for lock in ("requirements.txt", "requirements-bench.txt")]  # fmt: skip
    assert both[0] == both[1]
    assert len(both[0]) == 3


def test_the_node_lock_is_whole_and_names_no_place() -> None:
    lock = json.loads((ROOT / "bench/peers/node/package-lock.json").read_text())
    packages = [one for name, one in lock["packages"].items() if name]
    assert len(packages) > 10
    assert all("integrity" in one and "resolved" not in one for one in packages)
