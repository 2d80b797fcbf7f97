"""Pictures for the corpus, made by Pillow or by hand."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

from PIL import Image, ImageCms, PngImagePlugin

SECRET = b"CANARY-in-the-metadata"


def picture(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """Left half red, right half blue, the upper left corner green: it shows which way is up."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (width // 2, 0, width, height))
    image.paste("lime", (0, 0, width // 4, height // 4))
    return image.convert(mode)


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    """With a place (GPS), a device and an orientation."""
    found = Image.Exif()
    found[0x0112] = orientation
    found[0x010F] = SECRET.decode()
    found[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0), 29: "2026:11:25"}
    return found


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def jpeg_with_everything(orientation: int = 6) -> bytes:
    whole = encoded(
        picture(), "JPEG", quality=95, exif=exif(orientation), icc_profile=srgb(), comment=SECRET
    )
    return whole + SECRET


def png_with_everything() -> bytes:
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", SECRET.decode())
    text.add_itxt("XML:com.adobe.xmp", f"<x>{SECRET.decode()}</x>", zip=False)
    return encoded(picture(), "PNG", pnginfo=text, exif=exif(), icc_profile=srgb()) + SECRET


def webp_with_everything() -> bytes:
    return encoded(
        picture(),
        "WEBP",
        quality=95,
        exif=exif(),
        icc_profile=srgb(),
        xmp=b"<x>" + SECRET + b"</x>",
    )


def gif_with_everything() -> bytes:
    frames = [picture().rotate(90 * n) for n in range(3)]
    whole = encoded(
        frames[0],
        "GIF",
        save_all=True,
        append_images=frames[1:],
        comment=SECRET,
        duration=40,
        loop=0,
    )
    return whole + SECRET


def png_of(width: int, height: int, *, rows: int | None = None, extra: bytes = b"") -> bytes:
    """An honest header of that size over zeros: `rows` of them, or none at all."""
    row = bytes(1 + (width + 7) // 8)
    data = zlib.compress(row * (rows or 0) + extra, 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">2L5B", width, height, 1, 0, 0, 0, 0))
        + _chunk(b"IDAT", data)
        + _chunk(b"IEND", b"")
    )


def png_with_text_bomb() -> bytes:
    """A compressed comment that inflates to 200 MB."""
    whole = encoded(picture(), "PNG")
    at = whole.index(b"IDAT") - 4
    bomb = _chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000), 9))
    return whole[:at] + bomb + whole[at:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def gif_of(width: int, height: int) -> bytes:
    """A header that claims that size, and a frame of one pixel."""
    return (
        b"GIF89a" + struct.pack("<2H3B", width, height, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
        + b"," + struct.pack("<4HB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00;"
    )  # fmt: skip


def gif_script() -> bytes:
    """Both a GIF and a script: its width opens a comment, which closes behind the pixels."""
    whole = bytearray(encoded(picture(mode="P"), "GIF"))
    whole[6:8] = b"/*"
    return bytes(whole) + b"*/=1;alert(document.domain)//"


def gif_assignment() -> bytes:
    whole = bytearray(encoded(picture(mode="P"), "GIF"))
    whole[6:8] = b"=\n"
    return bytes(whole) + b"\nalert(1)"


def jpeg_page() -> bytes:
    """A picture whose comment is a page."""
    return encoded(picture(), "JPEG", comment=b"<html><script>alert(1)</script></html>")


def webp_of(width: int, height: int) -> bytes:
    """The extended header that claims that size, and nothing to fill it."""
    body = struct.pack("<L", 0x10) + (width - 1).to_bytes(3, "little")
    body += (height - 1).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<L", len(body)) + body
    return b"RIFF" + struct.pack("<L", 4 + len(chunk)) + b"WEBP" + chunk
