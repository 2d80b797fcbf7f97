"""The allowlist: what may be sent, and the names and headers that go with each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from therapyconnect.attachments.inspection.outcome import Kind


@dataclass(frozen=True, slots=True)
class FileType:
    content_type: str
    kind: Kind
    extensions: tuple[str, ...]
    """The first is given to a file that has none."""
    aliases: tuple[str, ...] = ()
    """Other headers that honest clients send for it."""


DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ODT: Final = "application/vnd.oasis.opendocument.text"

TYPES: Final = {
    each.content_type: each
    for each in (
        FileType(
            "image/jpeg", "image", ("jpg", "jpeg", "jpe", "jfif"), ("image/jpg", "image/pjpeg")
        ),
        FileType("image/png", "image", ("png",), ("image/x-png",)),
        FileType("image/webp", "image", ("webp",)),
        FileType("image/gif", "image", ("gif",)),
        FileType("application/pdf", "file", ("pdf",), ("application/x-pdf",)),
        FileType("text/plain", "file", ("txt", "text")),
        FileType(DOCX, "file", ("docx",)),
        FileType(ODT, "file", ("odt",)),
    )
}
EXTENSIONS: Final = frozenset(end for each in TYPES.values() for end in each.extensions)
UNDECLARED: Final = ("", "application/octet-stream")
"""What a client says that doesn't know."""

RUNNABLE: Final = frozenset({
    "app", "asp", "aspx", "bat", "bash", "cgi", "chm", "class", "cmd", "com", "cpl", "dll", "elf",
    "exe", "gadget", "hta", "htaccess", "htm", "html", "jar", "jnlp", "js", "jse", "jsp", "jspx",
    "lnk", "mht", "mhtml", "msc", "msi", "msp", "mjs", "php", "php3", "php4", "php5", "php7",
    "php8", "phar", "phtml", "pif", "pl", "ps1", "psm1", "py", "pyc", "rb", "reg", "scf", "scr",
    "sct", "sh", "shtml", "svg", "svgz", "swf", "url", "vb", "vbe", "vbs", "wsc", "wsf", "wsh",
    "xhtml", "xht", "xml", "xsl", "xslt",
})  # fmt: skip
"""Endings that something runs or renders. In the middle of a name they are there to deceive."""
