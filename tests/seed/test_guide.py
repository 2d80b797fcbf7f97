"""The guide's table of the seed's lines and these tests name the same."""

from __future__ import annotations

import re
from pathlib import Path

from tests.harness.server import ROOT

GUIDE = ROOT / "docs" / "guide" / "seed-features.md"


def test_the_guide_lists_every_one_of_these() -> None:
    listed = re.findall(r"`(test_\w+)`", GUIDE.read_text())
    files = [path for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__)]
    here = [
        name for path in files for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)
    ]
    assert len(files) >= 7
    assert sorted(set(listed)) == sorted(here)
    rows = [line for line in GUIDE.read_text().splitlines() if line.startswith("| ")]
    for row in rows[1:]:
        assert "`test_" in row or "later" in row or row.startswith("| line"), row
