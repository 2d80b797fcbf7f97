"""Names: what may be shown and carried, for any string at all."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from therapyconnect.attachments.names import MAX_BYTES, MAX_CHARACTERS, clean_name, extension

CLEANED = {
    "letter.pdf": "letter.pdf",
    "../../x": "x",
    "../../etc/passwd": "passwd",
    r"C:\Users\me\photo.jpg": "photo.jpg",
    r"..\..\x.png": "x.png",
    "/": "file",
    "": "file",
    "...": "file",
    " . ": "file",
    "\0\r\n": "file",
    "\u200d\u200c": "file",
    ".htaccess": "htaccess",
    "..png": "png",
    "name.": "name",
    "name.txt . .": "name.txt",
    "a\r\nSet-Cookie: x=y.txt": "a Set-Cookie_ x=y.txt",
    'a"; filename="b.txt': "a_; filename=_b.txt",
    "a\0b.txt": "ab.txt",
    "a\x1b[31mb.txt": "a[31mb.txt",
    "invoice\u202egpj.exe": "invoicegpj.exe",
    "a\u2066b\u2069.txt": "ab.txt",
    "a\u2028b\u00a0\u3000c.txt": "a b c.txt",
    "\ufeffa\u200b.txt": "a.txt",
    "e\u0301.txt": "\u00e9.txt",
    "a\ud800b.txt": "ab.txt",
    "CON": "_CON",
    "con.txt": "_con.txt",
    "Com1.tar.gz": "_Com1.tar.gz",
    "LPT¹.txt": "_LPT¹.txt",
    "NUL .txt": "_NUL .txt",
    "console.txt": "console.txt",
    "a:b|c?.txt": "a_b_c_.txt",
    "<img src=x>.png": "_img src=x_.png",
    "نامه\u200cها.pdf": "نامه\u200cها.pdf",
    "👩\u200d👩\u200d👧.png": "👩\u200d👩\u200d👧.png",
    "a" * 300 + ".jpeg": "a" * 115 + ".jpeg",
    "ü" * 300 + ".pdf": "ü" * 98 + ".pdf",
    "a." + "b" * 300: ("a." + "b" * 300)[:MAX_CHARACTERS],
}


@pytest.mark.parametrize("name", CLEANED, ids=ascii)
def test_each_name_and_what_becomes_of_it(name: str) -> None:
    assert clean_name(name) == CLEANED[name]


# Mostly what there are rules for; any other character, too.
_NAMES = st.text(
    st.one_of(
        st.sampled_from("./\\ ab\u0301\u202e\u2066\u200d\r\n\0\"':;%<>|?*\ud800\u037e\u212a\u2028"),
        st.characters(),
    ),
    max_size=300,
)


@given(_NAMES)
@settings(max_examples=400, deadline=None)
def test_any_name_becomes_a_safe_one(name: str) -> None:
    clean = clean_name(name)
    assert 0 < len(clean) <= MAX_CHARACTERS
    assert len(clean.encode()) <= MAX_BYTES
    assert clean_name(clean) == clean
    assert unicodedata.is_normalized("NFC", clean)
    assert clean[0] not in ". "
    assert clean[-1] not in ". "
    assert not set(clean) & set('/\\<>:"|?*')
    for character in clean:
        category = unicodedata.category(character)
        assert character in " \u200c\u200d" or category[0] not in "CZ", hex(ord(character))


@given(st.text(max_size=200), st.sampled_from(["pdf", "jpeg", "docx", "TXT"]))
@settings(max_examples=200, deadline=None)
def test_the_extension_stays(stem: str, end: str) -> None:
    clean = clean_name(f"a{stem}.{end}")
    assert extension(clean) == end.lower() or "/" in stem or "\\" in stem
