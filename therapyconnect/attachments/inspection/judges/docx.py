"""DOCX: what the parts of a Word document may be, may point at and may do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from therapyconnect.attachments.inspection.judges.parts import LINKS, Drawing, is_picture
from therapyconnect.attachments.inspection.judges.xml_parts import Reader, local
from therapyconnect.attachments.inspection.kinds import DOCX
from therapyconnect.attachments.inspection.outcome import refusal

_MAIN: Final = f"{DOCX}.main+xml"
_TYPES_PART: Final = "[Content_Types].xml"
_ROOT_RELATIONSHIPS: Final = "_rels/.rels"
_ACTIVE_TYPES: Final = re.compile(
    r"macro|vba|activex|webextension|script|keyMapCustomizations|attachedToolbars", re.IGNORECASE
)
_EMBEDDED_TYPES: Final = re.compile(
    r"oleobject|/package$|afchunk|subdocument|spreadsheetml|presentationml", re.IGNORECASE
)
# Fields that fetch, run or hold something from outside.
_FIELDS: Final = re.compile(
    r"(?:^|[\s\"{])(?:DDE|DDEAUTO|INCLUDETEXT|INCLUDEPICTURE|IMPORT|LINK|EMBED|DATABASE|MACROBUTTON"
    r"|RD)(?=[\s\"\\]|$)",
    re.IGNORECASE,
)


class Docx:
    content_type = DOCX

    def __init__(self, names: list[str]) -> None:
        self._names = set(names)
        self._types = _ContentTypes()
        self._root = _Relationships()

    def part(self, name: str) -> Reader | None:
        if name == _TYPES_PART:
            return self._types
        if name == _ROOT_RELATIONSHIPS:
            return self._root
        end = name.rpartition(".")[2].lower()
        if end == "rels":
            return _Relationships()
        if end == "xml":
            return _Fields()
        if end == "svg":
            return Drawing()
        if name.endswith("/") or end == "sigs" or is_picture(name):
            return None
        raise refusal("active_content" if end in ("bin", "js", "vbs") else "embedded_file")

    def plain(self, name: str, head: bytes) -> None:
        """Pictures and fonts are seen as such by their first bytes, before this."""

    def finish(self) -> None:
        """One main document, of the type without macros, where the package says that it is."""
        main = self._root.main
        if main is None or main not in self._names:
            raise refusal("unsupported_type")
        if self._types.overrides.get(f"/{main}") != _MAIN:
            raise refusal("unsupported_type")


class _ContentTypes:
    def __init__(self) -> None:
        self.overrides: dict[str, str] = {}

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        found = attributes.get("ContentType", "")
        if _ACTIVE_TYPES.search(found):
            raise refusal("active_content")
        if local(tag) == "Override":
            name = attributes.get("PartName", "")
            if name in self.overrides:
                raise refusal("damaged_file")
            self.overrides[name] = found

    def text(self, text: str) -> None:
        """None counts."""


class _Relationships:
    """Where the parts point. Outside is allowed to links alone, which a person clicks."""

    def __init__(self) -> None:
        self.main: str | None = None

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if local(tag) != "Relationship":
            return
        kind, target = attributes.get("Type", ""), attributes.get("Target", "").strip()
        if _ACTIVE_TYPES.search(kind):
            raise refusal("active_content")
        if _EMBEDDED_TYPES.search(kind):
            raise refusal("embedded_file")
        outside = attributes.get("TargetMode", "Internal") != "Internal"
        if kind.endswith("/hyperlink"):
            if target and not target.startswith("#") and not LINKS.match(target):
                raise refusal("external_content")
        elif outside or "\\" in target or target.startswith("//") or urlsplit(target).scheme:
            raise refusal("external_content")
        elif kind.endswith("/officeDocument"):
            self.main = target.removeprefix("/")

    def text(self, text: str) -> None:
        """None counts."""


class _Fields:
    """The instructions of fields, put together: they may be spread over many runs."""

    def __init__(self) -> None:
        self._inside = False
        self._instruction = ""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = local(tag)
        if name in ("altChunk", "OLEObject", "control", "subDoc", "webExtension"):
            raise refusal("embedded_file")
        self._inside = name == "instrText"
        if name == "fldChar":
            self._instruction = ""
        for key, value in attributes.items():
            if local(key) == "instr" and _FIELDS.search(value):
                raise refusal("external_content")

    def text(self, text: str) -> None:
        if self._inside:
            self._instruction = (self._instruction + text)[-4096:]
            if _FIELDS.search(self._instruction):
                raise refusal("external_content")
