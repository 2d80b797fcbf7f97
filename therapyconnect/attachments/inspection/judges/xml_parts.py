"""XML from a stranger: read as a stream, without DTD, entities or anything fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from therapyconnect.attachments.inspection.outcome import refusal


class Reader(Protocol):
    """What is told of each element as it comes; names are `{namespace}name`."""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None: ...

    def text(self, text: str) -> None: ...


class _Target:
    """Between expat and a reader."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._reader.start(tag, attributes)

    def data(self, text: str) -> None:
        self._reader.text(text)

    def close(self) -> None:
        """Nothing is kept."""


class XmlPart:
    """One part, fed in pieces. A DTD is an attack here: no office program writes one."""

    def __init__(self, reader: Reader) -> None:
        self._parser = XMLParser(
            target=_Target(reader), forbid_dtd=True, forbid_entities=True, forbid_external=True
        )

    def feed(self, piece: bytes) -> None:
        try:
            self._parser.feed(piece)
        except DefusedXmlException:
            raise refusal("active_content") from None
        except ParseError:
            raise refusal("damaged_file") from None

    def close(self) -> None:
        try:
            self._parser.close()
        except ParseError:
            raise refusal("damaged_file") from None


def local(tag: str) -> str:
    """A name without its namespace."""
    return tag.rpartition("}")[2]
