"""Each file of the corpus gets its answer, within bounds, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.server import ROOT
from tests.inspection.corpus import CORPUS, PASSES, Case, page
from tests.inspection.look import look
from therapyconnect.attachments.inspection.outcome import REFUSALS


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: f"{case.what} [{case.name!r}]")
def test_each_file_gets_its_answer(case: Case, tmp_path: Path) -> None:
    outcome = look(tmp_path, case.make(), name=case.name, declared_type=case.declared)
    assert outcome.answer == case.answer
    assert (outcome.inspected is None) == (case.answer != PASSES)


def test_every_refusal_is_shown_and_told() -> None:
    """No code without a file that gets it, nor without its line in the guide."""
    shown = {case.answer for case in CORPUS} - {PASSES}
    # What takes too much work is shown in `test_process.py`, with less to work with.
    assert shown == set(REFUSALS) - {"too_complex"}
    guide = (ROOT / "docs" / "guide" / "errors.md").read_text()
    assert [code for code in REFUSALS if f"`{code}`" not in guide] == []


def test_the_guide_has_the_corpus_as_it_is() -> None:
    """`python -m tests.inspection.corpus > docs/guide/attachments-corpus.md` writes it anew."""
    assert (ROOT / "docs" / "guide" / "attachments-corpus.md").read_text() == page()
