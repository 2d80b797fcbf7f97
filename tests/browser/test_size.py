"""What a visitor loads."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

MOST_BYTES = 60_000


def test_the_whole_client_is_small(
    web: Path, record_property: Callable[[str, object], None]
) -> None:
    files = [file for file in web.rglob("*") if file.suffix in (".js", ".css")]
    packed = {file.suffix: len(gzip.compress(file.read_bytes(), 9)) for file in files}
    assert set(packed) == {".js", ".css"}
    total = sum(len(gzip.compress(file.read_bytes(), 9)) for file in files)
    record_property("measured", f"{total} bytes of script and style, gzipped")
    assert total <= MOST_BYTES
