"""Sound files, damaged by chance: each passes or is refused; nothing else ever happens."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.inspection import images, office, pdfs
from tests.inspection.look import look

SOUND = {
    "a.jpg": images.jpeg_with_everything(),
    "a.png": images.png_with_everything(),
    "a.webp": images.webp_with_everything(),
    "a.gif": images.gif_with_everything(),
    "a.pdf": pdfs.in_object_stream(b"<< /S /GoTo /D [3 0 R /Fit] >>"),
    "b.pdf": pdfs.updated(b"/Lang (de)"),
    "a.docx": office.docx(),
    "a.odt": office.odt(),
    "a.txt": "Guten Morgen, 早安\n".encode() * 20,
}
EXAMPLES = 1500 if os.environ.get("TC_CHAOS", "0") != "0" else 24


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, bytes]:
    """One to six of: a byte set, a span cut out, doubled, or filled from another file."""
    name = draw(st.sampled_from(sorted(SOUND)))
    data = bytearray(SOUND[name])
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        length = draw(st.integers(1, 64))
        match draw(st.sampled_from(["set", "cut", "double", "alien", "huge"])):
            case "set":
                data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case "cut":
                del data[at : at + length]
            case "double":
                data[at:at] = data[at : at + length]
            case "huge":
                data[at : at + 4] = draw(
                    st.sampled_from([b"\xff" * 4, b"\x7f\xff\xff\xff", bytes(4)])
                )
            case _:
                other = SOUND[draw(st.sampled_from(sorted(SOUND)))]
                data[at:at] = other[at % len(other) :][:length]
    return name, bytes(data)


@given(damaged())
@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)
def test_a_damaged_file_passes_or_is_refused(example: tuple[str, bytes]) -> None:
    name, data = example
    with tempfile.TemporaryDirectory() as place:
        look(Path(place), data, name=name, declared_type="")


def test_undamaged_they_all_pass(tmp_path: Path) -> None:
    for name, data in SOUND.items():
        assert look(tmp_path, data, name=name, declared_type="").answer == "passes", name
        for left in (tmp_path / "work").iterdir():
            left.unlink()
