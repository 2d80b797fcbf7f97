"""The corpus: files of every kind and every trick, each with its answer.

    python -m tests.inspection.corpus > docs/guide/attachments-corpus.md

writes the guide's page of it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass

from tests.inspection import images, office, pdfs
from tests.inspection.images import encoded, picture
from therapyconnect.attachments.inspection.kinds import DOCX, ODT
from therapyconnect.attachments.inspection.outcome import REFUSALS
from therapyconnect.attachments.probing import EICAR

OCTETS = "application/octet-stream"
TXT = "text/plain"
PDF = "application/pdf"
PASSES = "passes"


@dataclass(frozen=True)
class Case:
    what: str
    name: str
    declared: str
    make: Callable[[], bytes]
    answer: str
    """The code of the refusal, or `passes`."""


def _macro_types() -> bytes:
    return office.content_types("application/vnd.ms-word.document.macroEnabled.main+xml")


def _jar() -> bytes:
    return office.zipped({"META-INF/MANIFEST.MF": b"Main-Class: X", "X.class": b"\xca\xfe\xba\xbe"})


def _doc_rels(kind: str, target: str, *, external: bool = False) -> bytes:
    return office.relationships(office.relationship(kind, target, external=external))


JS = b"<< /S /JavaScript /JS (app.alert\\(1\\)) >>"

IMAGES = [
    Case("JPEG with EXIF, GPS, profile, comment, trailing bytes", "a.jpg", "image/jpeg", images.jpeg_with_everything, PASSES),
    Case("JPEG in CMYK", "a.jpeg", "image/jpeg", lambda: encoded(picture(mode="CMYK"), "JPEG"), PASSES),
    Case("JPEG in grey", "a.JPG", "image/jpg", lambda: encoded(picture(mode="L"), "JPEG"), PASSES),
    Case("PNG with text, EXIF, profile, trailing bytes", "a.png", "image/png", images.png_with_everything, PASSES),
    Case("PNG, transparent", "a.png", "image/png", lambda: encoded(picture(mode="RGBA"), "PNG"), PASSES),
    Case("PNG of 16 bits", "a.png", "image/png", lambda: encoded(picture(mode="L").convert("I").convert("I;16"), "PNG"), PASSES),
    Case("PNG with a palette, of no name", "", OCTETS, lambda: encoded(picture(mode="P"), "PNG"), PASSES),
    Case("PNG with a zip file behind it (what hangs on is lost)", "a.png", "image/png", lambda: encoded(picture(), "PNG") + _jar(), PASSES),
    Case("WebP with EXIF, XMP, profile", "a.webp", "image/webp", images.webp_with_everything, PASSES),
    Case("GIF of three frames (the first is kept)", "a.gif", "image/gif", images.gif_with_everything, PASSES),
    Case("PNG of 50,000 × 50,000", "a.png", "image/png", lambda: images.png_of(50_000, 50_000), "image_too_large"),
    Case("PNG of 16,000 × 16,000, 256 million pixels in 31 kB", "a.png", "image/png", lambda: images.png_of(16_000, 16_000, rows=16_000), "image_too_large"),
    Case("PNG whose comment inflates to 200 MB", "a.png", "image/png", images.png_with_text_bomb, "damaged_file"),
    Case("PNG cut in half", "a.png", "image/png", lambda: images.png_with_everything()[:-300], "damaged_file"),
    Case("JPEG cut in half", "a.jpg", "image/jpeg", lambda: images.jpeg_with_everything()[:-400], "damaged_file"),
    Case("GIF that claims 65,535 × 65,535", "a.gif", "image/gif", lambda: images.gif_of(65_535, 65_535), "image_too_large"),
    Case("WebP that claims 16,000 × 16,000", "a.webp", "image/webp", lambda: images.webp_of(16_000, 16_000), "image_too_large"),
    Case("GIF and script in one: size opens a comment", "a.gif", "image/gif", images.gif_script, "active_content"),
    Case("GIF and script in one: size is an assignment", "a.gif", "image/gif", images.gif_assignment, "active_content"),
    Case("GIF with a page behind it", "a.gif", "image/gif", lambda: encoded(picture(), "GIF") + b"<script>alert(1)</script>", "active_content"),
    Case("JPEG whose comment is a page", "a.jpg", "image/jpeg", images.jpeg_page, "active_content"),
    Case("PNG with PHP in its text", "a.png", "image/png", lambda: encoded(picture(), "PNG") + b"<?php system($_GET[0]); ?>", "active_content"),
]  # fmt: skip

PDFS = [
    Case("PDF", "a.pdf", PDF, pdfs.pdf, PASSES),
    Case("PDF that opens at a place", "a.pdf", PDF, lambda: pdfs.with_catalog(b"/OpenAction [3 0 R /Fit]"), PASSES),
    Case("PDF with a web link", "a.pdf", PDF, lambda: pdfs.with_object(b"<< /Type /Annot /Subtype /Link /Rect [0 0 9 9] /A << /S /URI /URI (https://example.org) >> >>"), PASSES),
    Case("PDF with an increment", "a.pdf", PDF, lambda: pdfs.updated(b"/Lang (de)"), PASSES),
    Case("PDF that runs JavaScript", "a.pdf", PDF, lambda: pdfs.with_catalog(b"/OpenAction " + JS), "active_content"),
    Case("… its name in hex", "a.pdf", PDF, lambda: pdfs.with_object(b"<< /S /J#61v#61Script /#4a#53 (x) >>"), "active_content"),
    Case("… in a stream of objects", "a.pdf", PDF, lambda: pdfs.in_object_stream(JS), "active_content"),
    Case("… in an increment", "a.pdf", PDF, lambda: pdfs.updated(b"/OpenAction " + JS), "active_content"),
    Case("… in an object that no table lists", "a.pdf", PDF, lambda: pdfs.pdf(unlisted=b"9 0 obj\n" + JS + b"\nendobj\n"), "active_content"),
    Case("… among the named scripts", "a.pdf", PDF, lambda: pdfs.with_catalog(b"/Names << /JavaScript << /Names [(a) 6 0 R] >> >>", {6: b"<< /S /GoTo /D [3 0 R /Fit] >>"}), "active_content"),
    Case("PDF that starts a program", "a.pdf", PDF, lambda: pdfs.with_catalog(b"/OpenAction << /S /Launch /F (cmd.exe) >>"), "active_content"),
    Case("PDF that fetches an address when opened", "a.pdf", PDF, lambda: pdfs.with_catalog(b"/OpenAction << /S /URI /URI (https://example.org/seen) >>"), "active_content"),
    Case("PDF that acts when a page is turned", "a.pdf", PDF, lambda: pdfs.with_object(b"<< /AA << /O << /S /Named /N /Print >> >> >>"), "active_content"),
    Case("PDF that sends a form away", "a.pdf", PDF, lambda: pdfs.with_object(b"<< /S /SubmitForm /F (https://example.org) >>"), "external_content"),
    Case("PDF with an XFA form", "a.pdf", PDF, lambda: pdfs.with_catalog(b"/AcroForm << /XFA [(a) (b)] /Fields [] >>"), "active_content"),
    Case("PDF with rich media", "a.pdf", PDF, lambda: pdfs.with_object(b"<< /Subtype /RichMedia >>"), "active_content"),
    Case("PDF with a file in it", "a.pdf", PDF, lambda: pdfs.with_object(b"<< /Type /Filespec /EF << /F 4 0 R >> >>"), "embedded_file"),
    Case("PDF with a stream out of another file", "a.pdf", PDF, lambda: pdfs.with_object(pdfs.stream(b"", b"/F (secret.txt)")), "external_content"),
    Case("PDF and zip file in one", "a.pdf", PDF, lambda: pdfs.pdf(trailer=b"/X (" + _jar() + b")"), "embedded_file"),
    Case("PDF behind other bytes", "a.pdf", PDF, lambda: b"Hello\n" + pdfs.pdf(), "unsupported_type"),
    Case("PDF with a page behind it", "a.pdf", PDF, lambda: pdfs.pdf() + b"<html><script>", "damaged_file"),
    Case("PDF without its end", "a.pdf", PDF, lambda: pdfs.pdf()[:-30], "damaged_file"),
    Case("PDF whose table points nowhere", "a.pdf", PDF, lambda: pdfs.pdf().replace(b"0000000015", b"0000009999"), "damaged_file"),
    Case("PDF whose page inflates to 2 GB", "a.pdf", PDF, lambda: pdfs.pdf(pdfs.base(content=pdfs.flate_bomb())), "expands_too_far"),
    Case("PDF whose stream of objects inflates to 2 GB", "a.pdf", PDF, lambda: pdfs.in_object_stream(JS, bomb=True), "expands_too_far"),
    Case("PDF nested 5,000 deep", "a.pdf", PDF, lambda: pdfs.with_object(b"[" * 5000 + b"]" * 5000), "damaged_file"),
    Case("PDF that wants a password", "a.pdf", PDF, pdfs.locked, "encrypted_file"),
]  # fmt: skip

OFFICE = [
    Case("DOCX", "a.docx", DOCX, office.docx, PASSES),
    Case("DOCX with a picture", "a.docx", DOCX, lambda: office.docx({"word/media/image1.png": encoded(picture(), "PNG")}), PASSES),
    Case("ODT", "a.odt", ODT, office.odt, PASSES),
    Case("ODT with a picture and a link", "a.odt", ODT, lambda: office.odt({"Pictures/1.png": encoded(picture(), "PNG")}, content=office.content('<text:a xlink:href="https://example.org">x</text:a><draw:image xlink:href="Pictures/1.png"/>')), PASSES),
    Case("DOCX with macros", "a.docx", DOCX, lambda: office.docx({"word/vbaProject.bin": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}), "active_content"),
    Case("DOCM under another name", "a.docx", DOCX, lambda: office.docx(types=_macro_types()), "active_content"),
    Case("DOCX with an OLE object", "a.docx", DOCX, lambda: office.docx(rels=_doc_rels("oleObject", "embeddings/oleObject1.bin")), "embedded_file"),
    Case("DOCX with a workbook in it", "a.docx", DOCX, lambda: office.docx({"word/embeddings/a.xlsx": office.docx()}), "embedded_file"),
    Case("DOCX with a page to take in (altChunk)", "a.docx", DOCX, lambda: office.docx(rels=_doc_rels("aFChunk", "a.html")), "embedded_file"),
    Case("DOCX with a template from elsewhere", "a.docx", DOCX, lambda: office.docx({"word/_rels/settings.xml.rels": _doc_rels("attachedTemplate", "https://example.org/a.dotm", external=True)}), "external_content"),
    Case("DOCX with a picture from elsewhere", "a.docx", DOCX, lambda: office.docx(rels=_doc_rels("image", "https://example.org/seen.png", external=True)), "external_content"),
    Case("DOCX with a link into the network (UNC)", "a.docx", DOCX, lambda: office.docx(rels=_doc_rels("hyperlink", r"file:///\\evil\share", external=True)), "external_content"),
    Case("DOCX with a DDE field", "a.docx", DOCX, lambda: office.docx(document=office.field("DDEAUTO c:\\\\windows\\\\system32\\\\cmd.exe")), "external_content"),
    Case("… spread over runs", "a.docx", DOCX, lambda: office.docx(document=office.field("D", "DEA", "UTO cmd")), "external_content"),
    Case("DOCX with an entity bomb", "a.docx", DOCX, lambda: office.docx(document=office.document(head=office.entity_bomb()).replace(b"Good", b"&h;")), "active_content"),
    Case("DOCX that reads a file by an entity", "a.docx", DOCX, lambda: office.docx(document=office.document(head='<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>').replace(b"Good", b"&e;")), "active_content"),
    Case("DOCX with broken XML", "a.docx", DOCX, lambda: office.docx(document=office.document()[:-9]), "damaged_file"),
    Case("DOCX without a document", "a.docx", DOCX, lambda: office.zipped({"[Content_Types].xml": office.content_types()}), "unsupported_type"),
    Case("XLSX under another name", "a.docx", DOCX, lambda: office.docx(types=office.content_types("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml")), "unsupported_type"),
    Case("ODT with Basic", "a.odt", ODT, lambda: office.odt({"Basic/Standard/Module1.xml": b"<a/>"}), "active_content"),
    Case("ODT with a script in its content", "a.odt", ODT, lambda: office.odt(content=office.content(scripts='<office:script script:language="ooo:Basic"/>')), "active_content"),
    Case("ODT with an event that runs a macro", "a.odt", ODT, lambda: office.odt(content=office.content('<script:event-listener script:event-name="dom:load" xlink:href="vnd.sun.star.script:a.py$b"/>')), "active_content"),
    Case("ODT with an OLE object", "a.odt", ODT, lambda: office.odt({"Object 1": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"}), "embedded_file"),
    Case("ODT with a picture from elsewhere", "a.odt", ODT, lambda: office.odt(content=office.content('<draw:image xlink:href="https://example.org/seen.png"/>')), "external_content"),
    Case("ODT that wants a password", "a.odt", ODT, lambda: office.odt(manifest=office.manifest("<m:encryption-data/>")), "encrypted_file"),
    Case("ODT whose mimetype is packed", "a.odt", ODT, lambda: office.odt(compressed=True), "unsupported_type"),
    Case("ODS under another name", "a.odt", ODT, lambda: office.odt(mimetype=b"application/vnd.oasis.opendocument.spreadsheet"), "unsupported_type"),
    Case("zip file", "a.zip", "application/zip", _jar, "unsupported_type"),
    Case("zip file under another name", "a.docx", DOCX, _jar, "unsupported_type"),
    Case("DOCX that inflates to 320 MiB", "a.docx", DOCX, lambda: office.docx(office.bomb()), "expands_too_far"),
    Case("DOCX with a zip file in a zip file", "a.docx", DOCX, lambda: office.docx({"word/media/a.png": office.zipped({"b.zip": _jar()})}), "embedded_file"),
    Case("DOCX with a program as a picture", "a.docx", DOCX, lambda: office.docx({"word/media/a.png": b"MZ\x90\x00"}), "active_content"),
    Case("DOCX whose part says 100 bytes and inflates to 64 MiB", "a.docx", DOCX, office.lying_size, "expands_too_far"),
    Case("DOCX whose parts share their bytes", "a.docx", DOCX, office.overlapping, "damaged_file"),
    Case("DOCX with 5,000 parts", "a.docx", DOCX, lambda: office.docx({f"word/{n}.xml": b"<a/>" for n in range(5_000)}), "expands_too_far"),
    Case("DOCX with two parts of one name", "a.docx", DOCX, office.duplicated, "damaged_file"),
    Case("DOCX with a part named ../../x", "a.docx", DOCX, lambda: office.docx({"../../x.xml": b"<a/>"}), "damaged_file"),
    Case("DOCX with a part named /etc/x", "a.docx", DOCX, lambda: office.docx({"/etc/x.xml": b"<a/>"}), "damaged_file"),
    Case("DOCX with an encrypted part", "a.docx", DOCX, office.encrypted, "encrypted_file"),
    Case("DOCX packed with bzip2", "a.docx", DOCX, lambda: office.zipped(office.docx_parts(), method=zipfile.ZIP_BZIP2), "unsupported_type"),
    Case("DOCX with bytes behind it", "a.docx", DOCX, lambda: office.docx() + b"<script>", "damaged_file"),
    Case("GIF with a DOCX behind it (what hangs on is lost)", "a.gif", "image/gif", lambda: images.gif_of(1, 1) + office.docx(), PASSES),
    Case("old Word file", "a.docx", "application/msword", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096), "unsupported_type"),
]  # fmt: skip

TEXTS = [
    Case("plain text", "a.txt", TXT, lambda: "Guten Morgen, 早安, 👩‍👩‍👧 x < y & y > z\r\n\tok".encode(), PASSES),
    Case("plain text with a byte order mark", "a.txt", "text/plain; charset=utf-8", lambda: b"\xef\xbb\xbfhello", PASSES),
    Case("EICAR's test virus (the scanner's to find)", "a.txt", TXT, lambda: EICAR, PASSES),
    Case("text in Latin-1", "a.txt", TXT, lambda: "für".encode("latin-1"), "unsupported_type"),
    Case("text in UTF-16", "a.txt", TXT, lambda: "hello".encode("utf-16"), "unsupported_type"),
    Case("text with a NUL", "a.txt", TXT, lambda: b"hel\0lo", "unsupported_type"),
    Case("text that ends within a character", "a.txt", TXT, lambda: "ü".encode()[:1], "unsupported_type"),
    Case("page as text", "a.txt", TXT, lambda: b"\n <!DOCTYPE html><body>", "active_content"),
    Case("page as PNG", "a.png", "image/png", lambda: b"<html><script>alert(1)</script></html>", "active_content"),
    Case("script as PNG", "a.png", "image/png", lambda: b"#!/bin/sh\nrm -rf /\n", "active_content"),
    Case("text with a script far inside", "a.txt", TXT, lambda: b"a" * ((1 << 20) - 3) + b"<ScRiPt >", "active_content"),
    Case("SVG", "a.svg", "image/svg+xml", lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported_type"),
    Case("SVG as PNG", "a.png", "image/png", lambda: b"<svg xmlns='http://www.w3.org/2000/svg'/>", "active_content"),
    Case("PHP as text", "a.txt", TXT, lambda: b"hello <?php phpinfo();", "active_content"),
    Case("batch file as text", "a.txt", TXT, lambda: b"@echo off\r\ndel *.*", "active_content"),
    Case("Windows program as text", "a.txt", TXT, lambda: b"MZ\x90\x00\x03\x00\x00\x00" + bytes(64), "unsupported_type"),
    Case("Linux program as PDF", "a.pdf", PDF, lambda: b"\x7fELF\x02\x01\x01" + bytes(64), "unsupported_type"),
    Case("gzip as text", "a.txt", TXT, lambda: b"\x1f\x8b\x08\x00" + bytes(64), "unsupported_type"),
    Case("no bytes at all", "a.txt", TXT, lambda: b"", "empty_file"),
    Case("50 MiB and one byte", "a.txt", TXT, lambda: b"a" * (50 * (1 << 20) + 1), "file_too_large"),
]  # fmt: skip

NAMES = [
    Case("PNG named .jpg", "a.jpg", "image/png", lambda: encoded(picture(), "PNG"), "type_mismatch"),
    Case("PNG declared as JPEG", "a.png", "image/jpeg", lambda: encoded(picture(), "PNG"), "type_mismatch"),
    Case("DOCX named .odt", "a.odt", DOCX, office.docx, "type_mismatch"),
    Case("text declared as HTML", "a.txt", "text/html", lambda: b"hello", "type_mismatch"),
    Case("JPEG named .php.jpg", "a.php.jpg", "image/jpeg", images.jpeg_with_everything, "deceptive_name"),
    Case("JPEG named .php NUL .jpg", "a.php\0.jpg", "image/jpeg", images.jpeg_with_everything, "deceptive_name"),
    Case("text named .exe, turned round to look like .txt", "a\u202etxt.exe", TXT, lambda: b"hello", "unsupported_type"),
    Case("JPEG named ../../x.jpg (shown as x.jpg)", "../../x.jpg", "image/jpeg", images.jpeg_with_everything, PASSES),
    Case("text named CON.txt, with CR LF (shown as _CON.txt)", "CON\r\n.txt", TXT, lambda: b"hello", PASSES),
    Case("text in two dots (annual.report.txt)", "annual.report.txt", TXT, lambda: b"hello", PASSES),
]  # fmt: skip

PARTS = {
    "Images": IMAGES,
    "PDF": PDFS,
    "Office files and archives": OFFICE,
    "Text and what calls itself so": TEXTS,
    "Names and headers": NAMES,
}
CORPUS = [case for cases in PARTS.values() for case in cases]


def page() -> str:
    """`docs/guide/attachments-corpus.md`."""
    out = [
        "# The corpus of attachments\n",
        "Every file that `tests/inspection` makes and has inspected, with its answer. This page is",
        "written by `python -m tests.inspection.corpus`, and a test holds it in step.",
    ]
    for part, cases in PARTS.items():
        out += [f"\n## {part}", "| file | answer |", "|---|---|"]
        for case in cases:
            status = REFUSALS.get(case.answer)
            answer = case.answer if status is None else f"{status} `{case.answer}`"
            out.append(f"| {case.what} | {answer} |")
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201
