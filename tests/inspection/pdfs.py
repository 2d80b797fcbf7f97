"""PDFs for the corpus, written by hand: what a library would refuse to write can be, too."""

from __future__ import annotations

import io
import zlib

import pikepdf

Objects = dict[int, bytes]

CATALOG = b"<< /Type /Catalog /Pages 2 0 R >>"
TEXT = b"BT /F1 24 Tf 72 700 Td (Good morning) Tj ET"


def base(catalog: bytes = CATALOG, content: bytes | None = None) -> Objects:
    return {
        1: catalog,
        2: b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        4: stream(TEXT) if content is None else content,
        5: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    }


def stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n" % (len(data), entries) + data + b"\nendstream"


def flate(data: bytes, entries: bytes = b"", times: int = 1) -> bytes:
    for _ in range(times):
        data = zlib.compress(data, 9)
    return stream(data, b"/Filter [%s] %s" % (b" /FlateDecode" * times, entries))


def pdf(objects: Objects | None = None, trailer: bytes = b"", unlisted: bytes = b"") -> bytes:
    """A whole file with its table; `unlisted` lies in it, and no table tells of it."""
    objects = objects or base()
    out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    places = {}
    for number, body in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    out += unlisted
    at = len(out)
    size = max(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    for number in range(1, size):
        out += b"%010d 00000 n \n" % places[number]
    out += b"trailer\n<< /Size %d /Root 1 0 R %s >>\n" % (size, trailer)
    return out + b"startxref\n%d\n%%%%EOF\n" % at


def with_catalog(entries: bytes, more: Objects | None = None) -> bytes:
    return pdf(base(b"<< /Type /Catalog /Pages 2 0 R " + entries + b" >>") | (more or {}))


def with_object(body: bytes) -> bytes:
    """An object that the page's resources refer to."""
    objects = base()
    objects[3] = objects[3].replace(b"/Contents", b"/Annots [6 0 R] /Contents")
    return pdf(objects | {6: body})


def in_object_stream(body: bytes, *, bomb: bool = False) -> bytes:
    """With object 6 packed into a stream of objects, and the table itself a stream."""
    objects = base(b"<< /Type /Catalog /Pages 2 0 R /OpenAction 6 0 R >>")
    packed = b"6 0 " + body
    entries = b"/Type /ObjStm /N 1 /First 4"
    objects[7] = flate_bomb(entries) if bomb else flate(packed, entries)
    out = b"%PDF-1.7\n"
    places = {}
    for number, each in objects.items():
        places[number] = len(out)
        out += b"%d 0 obj\n" % number + each + b"\nendobj\n"
    at = len(out)
    rows = [(0, 0, 255)]
    for number in range(1, 9):
        rows.append((2, 7, 0) if number == 6 else (1, places.get(number, at), 0))
    table = b"".join(bytes([a]) + b.to_bytes(3, "big") + bytes([c]) for a, b, c in rows)
    out += b"8 0 obj\n"
    out += flate(table, b"/Type /XRef /Size 9 /W [1 3 1] /Root 1 0 R") + b"\nendobj\n"
    return out + b"startxref\n%d\n%%%%EOF\n" % at


def updated(entries: bytes) -> bytes:
    """A harmless file, and an increment behind it that gives it another catalog."""
    first = pdf()
    before = first.rindex(b"xref\n0 ")
    at = len(first)
    body = b"1 0 obj\n<< /Type /Catalog /Pages 2 0 R " + entries + b" >>\nendobj\n"
    table = b"xref\n1 1\n%010d 00000 n \ntrailer\n<< /Size 6 /Root 1 0 R /Prev %d >>\n" % (
        at,
        before,
    )
    return first + body + table + b"startxref\n%d\n%%%%EOF\n" % (at + len(body))


def flate_bomb(entries: bytes = b"") -> bytes:
    """A stream that inflates to 2 GB, of 8 kB: zeros packed, and packed again."""
    packer = zlib.compressobj(9)
    head = packer.compress(b"") + packer.flush(zlib.Z_SYNC_FLUSH)
    # Blocks that know nothing of each other: one is made, and repeated.
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    once = head + block * 2000
    return stream(zlib.compress(once, 9), b"/Filter [/FlateDecode /FlateDecode] " + entries)


def locked() -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf())) as whole:
        whole.save(out, encryption=pikepdf.Encryption(owner="owner", user="user"))
    return out.getvalue()
