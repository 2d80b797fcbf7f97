"""Office files: DOCX and ODT, each part of them looked at once, in the order of the file."""

from __future__ import annotations

import re
from typing import BinaryIO, Final, Protocol

from therapyconnect.attachments.inspection.judges.archive import Archive
from therapyconnect.attachments.inspection.judges.docx import Docx
from therapyconnect.attachments.inspection.judges.odt import Odt
from therapyconnect.attachments.inspection.judges.xml_parts import Reader, XmlPart
from therapyconnect.attachments.inspection.message import Passed
from therapyconnect.attachments.inspection.outcome import refusal

# What may not lie inside, by its first bytes: archives, old office files with their objects,
# programs, scripts, PDFs.
_EMBEDDED: Final = re.compile(
    rb"PK\x03\x04|PK\x05\x06|Rar!|7z\xbc\xaf|\x1f\x8b|BZh[1-9]|\xfd7zXZ|\x28\xb5\x2f\xfd|MSCF|xar!"
    rb"|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1|%PDF-|\{\\rtf|ITSF"
)
_PROGRAMS: Final = re.compile(rb"MZ|\x7fELF|\xca\xfe\xba\xbe|[\xcf\xce]\xfa\xed\xfe|#!|CWS|FWS|ZWS")
_TAR_AT: Final = 257
_XML: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*<\?xml|(?:\xff\xfe<\x00|\xfe\xff\x00<)")


class Judge(Protocol):
    """What is asked of a kind of office file, part by part."""

    content_type: str

    def part(self, name: str) -> Reader | None:
        """Who reads this part's XML; None where it is none. Raises where it may not be there."""
        ...

    def plain(self, name: str, head: bytes) -> None:
        """Told of the beginning of each part that is not XML."""
        ...

    def finish(self) -> None:
        """All parts were seen."""
        ...


def judge_office(file: BinaryIO) -> Passed:
    """A whole, plain DOCX or ODT; any other zip file is refused."""
    archive = Archive(file)
    judge: Judge
    if archive.names[0] == "mimetype":
        judge = Odt(archive.entries[0])
    elif "[Content_Types].xml" in archive.names:
        judge = Docx(archive.names)
    else:
        raise refusal("unsupported_type")
    for entry in archive.entries:
        reader = judge.part(entry.filename)
        xml = None if reader is None else XmlPart(reader)
        head = b""
        for piece in archive.chunks(entry):
            if len(head) < 512:
                head += piece[:512]
            if xml is not None:
                xml.feed(piece)
        if xml is not None:
            xml.close()
        else:
            _judge_head(entry.filename, head)
            judge.plain(entry.filename, head)
    judge.finish()
    return Passed(judge.content_type)


def _judge_head(name: str, head: bytes) -> None:
    if _EMBEDDED.match(head) or head[_TAR_AT : _TAR_AT + 5] == b"ustar":
        raise refusal("embedded_file")
    if _PROGRAMS.match(head):
        raise refusal("active_content")
    if _XML.match(head):
        # An office program goes by the content too: XML under another name is not left unread.
        raise refusal("damaged_file")
