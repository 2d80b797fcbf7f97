"""PDF: read by qpdf, which knows object streams and the ways to write a name in disguise."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO, Final

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream

from therapyconnect.attachments.inspection.limits import (
    MAX_PDF_INFLATED,
    MAX_PDF_OBJECTS,
)
from therapyconnect.attachments.inspection.message import Passed
from therapyconnect.attachments.inspection.outcome import refusal

_TAIL: Final = 1024
_TRAILER: Final = re.compile(rb"startxref\s+\d+\s+%%EOF\s*\Z")
_PIECE: Final = 64 * 1024
_MAX_DEPTH: Final = 200
_MAX_FILTERS: Final = 4

_ACTIVE_KEYS: Final = frozenset({"/JS", "/JavaScript", "/XFA", "/RichMediaContent"})
_EMBEDDED_KEYS: Final = frozenset({"/EmbeddedFiles", "/EF", "/EmbeddedFile"})
_ACTIVE_ACTIONS: Final = frozenset(
    {"/JavaScript", "/Launch", "/Rendition", "/RichMediaExecute", "/Movie", "/Sound"}
)
_OUTSIDE_ACTIONS: Final = frozenset({"/SubmitForm", "/ImportData", "/GoToR", "/GoToE"})
_ACTIVE_ANNOTATIONS: Final = frozenset({"/RichMedia", "/3D", "/Movie", "/Screen", "/Sound"})


def judge_pdf(file: BinaryIO) -> Passed:
    """A sound PDF that does nothing by itself and holds no other file."""
    _judge_ends(file)
    file.seek(0)
    try:
        with pikepdf.open(file, attempt_recovery=False, suppress_warnings=True) as pdf:
            _judge_objects(pdf)
            if not len(pdf.pages):
                raise refusal("damaged_file")
            if pdf.get_warnings():
                # Read on by guessing: another reader may have guessed otherwise.
                raise refusal("damaged_file")
    except pikepdf.PasswordError:
        raise refusal("encrypted_file") from None
    except pikepdf.PdfError:
        raise refusal("damaged_file") from None
    _judge_mended(file)
    return Passed("application/pdf")


def _judge_ends(file: BinaryIO) -> None:
    """It ends as a PDF does, and is not a zip file from behind."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL))
    if not _TRAILER.search(file.read()):
        raise refusal("damaged_file")
    if zipfile.is_zipfile(file):
        raise refusal("embedded_file")


def _judge_mended(file: BinaryIO) -> None:
    """As a reader sees it that mends: one that looks for objects past the table of them."""
    file.seek(0)
    lost = BytesIO(file.read().replace(b"startxref", b"startxxxx"))
    try:
        with pikepdf.open(lost, suppress_warnings=True) as pdf:
            _judge_objects(pdf, streams=False)
    except pikepdf.PdfError:
        # Nothing that could be mended: such a reader sees nothing, either.
        return


def _judge_objects(pdf: Pdf, *, streams: bool = True) -> None:
    if len(pdf.objects) > MAX_PDF_OBJECTS:
        raise refusal("too_complex")
    inflated = 0
    _judge_object(pdf.trailer, 0)
    for each in pdf.objects:
        _judge_object(each, 0)
        if streams and isinstance(each, Stream):
            for size in _inflated(each):
                inflated += size
                if inflated > MAX_PDF_INFLATED:
                    raise refusal("expands_too_far")


def _judge_object(value: Object, depth: int) -> None:
    """A value and what lies directly in it; what it refers to has its own turn."""
    if depth > _MAX_DEPTH:
        raise refusal("too_complex")
    if isinstance(value, Stream | Dictionary):
        for key, inner in value.items():
            _judge_entry(str(key), inner)
            if isinstance(inner, Object) and not inner.is_indirect:
                _judge_object(inner, depth + 1)
        _judge_action(value)
    elif isinstance(value, Array):
        for inner in value:
            if isinstance(inner, Object) and not inner.is_indirect:
                _judge_object(inner, depth + 1)


def _judge_entry(key: str, value: Object) -> None:
    if key in _ACTIVE_KEYS:
        raise refusal("active_content")
    if key in _EMBEDDED_KEYS:
        raise refusal("embedded_file")
    if key == "/OpenAction" and isinstance(value, Dictionary) and value.get("/S") != Name.GoTo:
        # A place to open at is what most programs write; anything else acts by itself.
        raise refusal("active_content")
    if key == "/AA" and isinstance(value, Dictionary):
        raise refusal("active_content")


def _judge_action(value: Object) -> None:
    action, subtype, kind = (_name(value.get(key)) for key in ("/S", "/Subtype", "/Type"))
    if action in _ACTIVE_ACTIONS or subtype in _ACTIVE_ANNOTATIONS:
        raise refusal("active_content")
    if action in _OUTSIDE_ACTIONS:
        raise refusal("external_content")
    if subtype == "/FileAttachment" or kind == "/EmbeddedFile":
        raise refusal("embedded_file")
    if isinstance(value, Stream) and "/F" in value:
        # A stream whose content lies in another file.
        raise refusal("external_content")


def _name(value: object) -> str:
    return str(value) if isinstance(value, Name) else ""


def _inflated(stream: Stream) -> Iterator[int]:
    """The sizes of what it inflates to, piece by piece. Pictures' own codings are left alone."""
    filters = stream.get("/Filter")
    names = [_name(f) for f in filters] if isinstance(filters, Array) else [_name(filters)]
    if len(names) > _MAX_FILTERS:
        raise refusal("expands_too_far")
    names = [{"/Fl": "/FlateDecode"}.get(name, name) for name in names]
    if names[0] != "/FlateDecode":
        if {"/FlateDecode", "/Fl", "/LZWDecode", "/LZW", "/RunLengthDecode", "/RL"} & set(names):
            yield len(stream.read_bytes())
        return
    pieces: Iterator[bytes] = iter((stream.read_raw_bytes(),))
    for name in names:
        if name != "/FlateDecode":
            break
        pieces = _flate(pieces)
    for piece in pieces:
        yield len(piece)


def _flate(pieces: Iterator[bytes]) -> Iterator[bytes]:
    inflater = zlib.decompressobj()
    try:
        for raw in pieces:
            while piece := inflater.decompress(raw, _PIECE):
                yield piece
                raw = inflater.unconsumed_tail
    except zlib.error:
        # Readers show what came until then, and so far it was counted.
        return
