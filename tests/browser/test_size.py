"""What a visitor loads."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

MOST_BYTES = 60_000


def test_the_client_is_small(web: Path, record_property: Callable[[str, object], None]) -> None:
    """What must be there before anybody can write; the account and room pages come at leisure."""
    page = (web / "index.html").read_text()
    first = {web / name for name in re.findall(r'(?:src|href)="/(assets/[^"]+)"', page)}
    whole = {file for file in web.rglob("*") if file.suffix in (".js", ".css")}
    assert {file.suffix for file in first & whole} == {".js", ".css"}
    packed = {file: len(gzip.compress(file.read_bytes(), 9)) for file in whole}
    total = sum(packed[file] for file in first & whole)
    record_property(
        "measured",
        f"script and style, gzipped: {total:,} bytes, and {sum(packed.values()) - total:,}"
        " at leisure for the other pages",
    )
    assert total <= MOST_BYTES
