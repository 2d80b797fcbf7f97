"""ODT: what the parts of an OpenDocument text may be, may point at and may do."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from therapyconnect.attachments.inspection.judges.parts import LINKS, Drawing, is_picture
from therapyconnect.attachments.inspection.judges.xml_parts import Reader, local
from therapyconnect.attachments.inspection.kinds import ODT
from therapyconnect.attachments.inspection.outcome import refusal

_MANIFEST: Final = "META-INF/manifest.xml"
_ACTIVE_FOLDERS: Final = ("basic/", "scripts/", "dialogs/")
_ACTIVE_ELEMENTS: Final = frozenset({"script", "event-listener", "applet", "plugin", "macro-name"})
_OUTSIDE_ELEMENTS: Final = frozenset(
    {"dde-source", "dde-connection", "dde-connection-decl", "dde-link", "floating-frame",
     "table-source", "section-source", "submission", "database-source-sql"}
)  # fmt: skip
_LINK_ELEMENTS: Final = frozenset({"a"})


class Odt:
    content_type = ODT

    def __init__(self, first: zipfile.ZipInfo) -> None:
        """`first` is the entry `mimetype`: stored as it is, so that anyone can read it."""
        if first.compress_type != zipfile.ZIP_STORED:
            raise refusal("unsupported_type")
        self._manifest = _Manifest()
        self._seen: set[str] = set()

    def part(self, name: str) -> Reader | None:
        self._seen.add(name)
        if name.lower().startswith(_ACTIVE_FOLDERS):
            raise refusal("active_content")
        if name == _MANIFEST:
            return self._manifest
        folder, _, base = name.rpartition("/")
        end = base.rpartition(".")[2].lower() if "." in base else ""
        if end in ("xml", "rdf"):
            return _Content()
        if end == "svg":
            return Drawing()
        if name in ("mimetype", "layout-cache") or not base or is_picture(name):
            return None
        if not end and folder.rpartition("/")[2] in ("ObjectReplacements", "Pictures"):
            return None
        raise refusal("embedded_file")

    def plain(self, name: str, head: bytes) -> None:
        if name == "mimetype" and head != ODT.encode():
            raise refusal("unsupported_type")

    def finish(self) -> None:
        if _MANIFEST not in self._seen or "content.xml" not in self._seen:
            raise refusal("unsupported_type")
        if self._manifest.root_type != ODT:
            raise refusal("unsupported_type")


class _Manifest:
    def __init__(self) -> None:
        self.root_type = ""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if local(tag) == "encryption-data":
            raise refusal("encrypted_file")
        if local(tag) != "file-entry":
            return
        named = {local(key): value for key, value in attributes.items()}
        if named.get("full-path") == "/":
            self.root_type = named.get("media-type", "")

    def text(self, text: str) -> None:
        """None counts."""


class _Content:
    """Scripts are elements here, and whatever points outside does it by `href`."""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        name = local(tag)
        if name in _ACTIVE_ELEMENTS:
            raise refusal("active_content")
        if name == "object-ole":
            raise refusal("embedded_file")
        if name in _OUTSIDE_ELEMENTS:
            raise refusal("external_content")
        for key, value in attributes.items():
            if local(key) == "href":
                self._judge_link(name, value.strip())

    def text(self, text: str) -> None:
        """None counts."""

    def _judge_link(self, element: str, target: str) -> None:
        if element in _LINK_ELEMENTS:
            # `..` is the document's own folder: a link to a neighbour, which nobody fetches.
            if not LINKS.match(target) and urlsplit(target).scheme:
                raise refusal("external_content")
        elif target.startswith(("/", "..", "\\")) or urlsplit(target).scheme:
            raise refusal("external_content")
