"""Each file of the corpus gets its answer, within bounds, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.inspection.corpus import CORPUS, PASSES, Case
from tests.inspection.look import look


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: f"{case.what} [{case.name!r}]")
def test_each_file_gets_its_answer(case: Case, tmp_path: Path) -> None:
    outcome = look(tmp_path, case.make(), name=case.name, declared_type=case.declared)
    assert outcome.answer == case.answer
    assert (outcome.inspected is None) == (case.answer != PASSES)
