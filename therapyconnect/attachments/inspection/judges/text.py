"""Plain text: UTF-8 that is nothing else as well."""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO, Final

from therapyconnect.attachments.inspection.judges.markers import MARGIN, OPENINGS, is_active
from therapyconnect.attachments.inspection.limits import MIB
from therapyconnect.attachments.inspection.message import Passed
from therapyconnect.attachments.inspection.outcome import refusal

# Tab, line feed, form feed and carriage return are text; the rest of the controls is not.
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]")


def judge_text(file: BinaryIO) -> Passed:
    """Text, also with a byte order mark. What no list knows ends here, as text that it isn't."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    kept = b""
    first = True
    while piece := file.read(MIB):
        try:
            text = decoder.decode(piece)
        except UnicodeDecodeError:
            raise refusal("unsupported_type") from None
        if _CONTROLS.search(text):
            raise refusal("unsupported_type")
        if first and OPENINGS.match(piece.removeprefix(codecs.BOM_UTF8)):
            raise refusal("active_content")
        first = False
        piece = kept + piece
        if is_active(piece):
            raise refusal("active_content")
        kept = piece[-MARGIN:]
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise refusal("unsupported_type") from None
    return Passed("text/plain")
