"""How much work one file may be. `docs/guide/attachments.md` tells people of most of these."""

from __future__ import annotations

from typing import Final

import msgspec

MIB: Final = 1 << 20

MAX_FILE_BYTES: Final = 50 * MIB
MAX_STORED_BYTES: Final = 64 * MIB
"""Of an image once it is encoded anew, which may grow a little."""

MAX_PIXELS: Final = 50_000_000
MAX_SIDE: Final = 16_383
"""What a WebP can have at most."""
THUMBNAIL_SIDE: Final = 320

MAX_ENTRIES: Final = 4_096
MAX_INFLATED: Final = 256 * MIB
"""Of all parts of an office file, or all streams of a PDF, measured by inflating them."""
MAX_RATIO: Final = 150
"""Of an office file as a whole, once it inflates to more than `RATIO_FROM`. Text makes 5 to 30."""
RATIO_FROM: Final = 8 * MIB

MAX_PDF_OBJECTS: Final = 100_000
MAX_PDF_INFLATED: Final = 512 * MIB
"""A scanned page is tens of MiB of pixels, and honest: PDFs get more room than office files."""


class Limits(msgspec.Struct, frozen=True):
    """What the kernel lets the child process have."""

    cpu_seconds: int = 45
    wall_seconds: float = 120.0
    address_space: int = 1536 * MIB
    open_files: int = 32


LIMITS: Final = Limits()
AT_ONCE: Final = 2
"""Children of one server process; others wait for their turn."""
