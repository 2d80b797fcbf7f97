"""What a search takes for the same letters."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from therapyconnect.core.errors import Invalid
from therapyconnect.messaging.policies.folding import fold, needle_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("STRASSE", "straße"),
        ("Cafe au lait", "CAFÉ\n au\tlait"),
        ("naive", "naïve"),
        ("naive", "nai\u0308ve"),
        ("istanbul", "İSTANBUL"),
        ("ΟΔΟΣ", "οδός"),
        ("file", "ﬁle"),
        ("ABC123", "\uff21\uff22\uff23\uff11\uff12\uff13"),
        ("נקוד", "נִקּוּד"),
        ("❤", "❤️"),
        ("breathe", "brea\u00adthe"),
        ("hello", "hel\u200blo"),
        ("", " \n\u200b\u0301"),
    ],
)
def test_the_same_to_a_reader(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("hello", "hallo"), ("か", "き")])
def test_not_the_same(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text())
@example("ΐ")
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(), st.text(), st.text())
def test_a_part_of_it_is_found_in_it(before: str, part: str, after: str) -> None:
    assert fold(part) in fold(before + part + after)


@pytest.mark.parametrize("q", [" ", "\u0301", "\u200b \u00ad", "\ufe0f", "\n\t"])
def test_nothing_to_look_for(q: str) -> None:
    with pytest.raises(Invalid) as refused:
        needle_of(q)
    assert refused.value.code == "blank"
