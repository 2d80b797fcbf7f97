"""Office files and zip files for the corpus."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile

from therapyconnect.attachments.inspection.kinds import DOCX, ODT

Parts = dict[str, bytes]

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MANIFEST = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def zipped(
    parts: Parts, *, stored: tuple[str, ...] = (), method: int = zipfile.ZIP_DEFLATED
) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in parts.items():
            how = zipfile.ZIP_STORED if name in stored else method
            archive.writestr(zipfile.ZipInfo(name, (2026, 11, 25, 9, 0, 0)), content, how)
    return out.getvalue()


# --- DOCX -----------------------------------------------------------------------------------------


def relationship(kind: str, target: str, *, external: bool = False) -> str:
    mode = ' TargetMode="External"' if external else ""
    return (
        f'<Relationship Id="r{abs(hash(target))}" Type="{_KINDS}/{kind}" Target="{target}"{mode}/>'
    )


def relationships(*each: str) -> bytes:
    return f'{HEAD}<Relationships xmlns="{_RELS}">{"".join(each)}</Relationships>'.encode()


def content_types(main: str = f"{DOCX}.main+xml", more: str = "") -> bytes:
    return (
        f'{HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType='
        '"application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{main}"/>{more}</Types>'
    ).encode()


def document(
    body: str = "<w:p><w:r><w:t>Good morning</w:t></w:r></w:p>", head: str = HEAD
) -> bytes:
    return f"{head}<w:document {_W}><w:body>{body}</w:body></w:document>".encode()


def docx_parts(**changes: bytes) -> Parts:
    return {
        "[Content_Types].xml": changes.get("types", content_types()),
        "_rels/.rels": relationships(relationship("officeDocument", "word/document.xml")),
        "word/document.xml": changes.get("document", document()),
        "word/_rels/document.xml.rels": changes.get(
            "rels",
            relationships(
                relationship("styles", "styles.xml"),
                relationship("hyperlink", "https://example.org/", external=True),
            ),
        ),
        "word/styles.xml": f"{HEAD}<w:styles {_W}/>".encode(),
    }


def docx(more: Parts | None = None, **changes: bytes) -> bytes:
    return zipped(docx_parts(**changes) | (more or {}))


def field(*pieces: str) -> bytes:
    runs = "".join(f"<w:r><w:instrText>{piece}</w:instrText></w:r>" for piece in pieces)
    begin = '<w:r><w:fldChar w:fldCharType="begin"/></w:r>'
    return document(f'<w:p>{begin}{runs}<w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>')


# --- ODT ------------------------------------------------------------------------------------------


def manifest(inner: str = "", kind: str = ODT) -> bytes:
    return (
        f'{HEAD}<m:manifest xmlns:m="{_MANIFEST}">'
        f'<m:file-entry m:full-path="/" m:media-type="{kind}"/>'
        f'<m:file-entry m:full-path="content.xml" m:media-type="text/xml">{inner}</m:file-entry>'
        "</m:manifest>"
    ).encode()


def content(body: str = "<text:p>Good morning</text:p>", scripts: str = "") -> bytes:
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "text", "draw", "script")
    )
    return (
        f'{HEAD}<office:document-content{names} xmlns:xlink="http://www.w3.org/1999/xlink">'
        f"<office:scripts>{scripts}</office:scripts>"
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
    ).encode()


def odt(more: Parts | None = None, *, compressed: bool = False, **changes: bytes) -> bytes:
    parts = {
        "mimetype": changes.get("mimetype", ODT.encode()),
        "content.xml": changes.get("content", content()),
        "Configurations2/images/Bitmaps/": b"",
        "META-INF/manifest.xml": changes.get("manifest", manifest()),
    }
    return zipped(parts | (more or {}), stored=() if compressed else ("mimetype",))


# --- tampering ------------------------------------------------------------------------------------


def duplicated() -> bytes:
    """Two parts of one name: one for the check, one for the office program."""
    out = io.BytesIO(docx())
    with warnings.catch_warnings(), zipfile.ZipFile(out, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("word/document.xml", document("<w:p/>"))
    return out.getvalue()


def encrypted() -> bytes:
    """With the flag that says so, at the entry and in the directory."""
    whole = bytearray(docx())
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.rindex(magic) + at] |= 1
    return bytes(whole)


def lying_size(declared: int = 100) -> bytes:
    """A part that says that it is small, and inflates to 64 MiB."""
    big = b" " * (64 << 20)
    whole = bytearray(docx({"word/theme.xml": big}))
    real = struct.pack("<L", len(big))
    assert whole.count(real) == 2
    return bytes(whole).replace(real, struct.pack("<L", declared))


def overlapping() -> bytes:
    """Two entries of the directory that share the same bytes, as the best bombs do."""
    parts = docx_parts() | {"word/a.xml": b"<a/>", "word/b.xml": b"<a/>"}
    whole = zipped(parts)
    first, second = whole.index(b"word/a.xml") - 30, whole.index(b"word/b.xml") - 30
    directory = whole.index(b"PK\x01\x02")
    return whole[:directory] + whole[directory:].replace(
        struct.pack("<L", second) + b"word/b.xml", struct.pack("<L", first) + b"word/b.xml"
    )


def bomb(inner: int = 40, each: int = 8 << 20) -> Parts:
    """Parts of a document that inflate to 320 MiB in all."""
    body = document("<w:p/>") + b" " * each
    return {f"word/header{n}.xml": body for n in range(inner)}


def entity_bomb() -> str:
    """A billion laughs."""
    lines = ['<!ENTITY a "ha">']
    for before, after in zip("abcdefg", "bcdefgh", strict=True):
        lines.append(f'<!ENTITY {after} "{f"&{before};" * 20}">')
    return f"{HEAD}<!DOCTYPE w:document [{''.join(lines)}]>"
