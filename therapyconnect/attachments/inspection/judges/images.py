"""Images: measured, decoded, and encoded anew. Only pixels come out of here."""

from __future__ import annotations

import mmap
import re
import warnings
from io import BytesIO
from typing import BinaryIO, Final

from PIL import Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from therapyconnect.attachments.inspection.judges.markers import is_active
from therapyconnect.attachments.inspection.limits import MAX_PIXELS, MAX_SIDE, THUMBNAIL_SIDE
from therapyconnect.attachments.inspection.message import Passed
from therapyconnect.attachments.inspection.outcome import refusal

# Pillow looks at these too, on each size that a decoder meets on its way.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
ImageFile.LOAD_TRUNCATED_IMAGES = False
warnings.simplefilter("error", Image.DecompressionBombWarning)

_TYPES: Final = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
_MODES: Final = {
    "JPEG": ("L", "RGB"),
    "PNG": ("1", "L", "LA", "P", "RGB", "RGBA"),
    "GIF": ("L", "P"),
    "WEBP": ("RGB", "RGBA"),
}
_OPTIONS: Final[dict[str, dict[str, int]]] = {
    "JPEG": {"quality": 90},
    "PNG": {"compress_level": 3},
    "GIF": {},
    "WEBP": {"quality": 90, "method": 2},
}
# A GIF whose size spells the start of a comment or an assignment: the rest of it is a script.
_GIF_SCRIPT: Final = re.compile(rb"GIF8[79]a[ -/:-@\[-`{-~][\t\n\r -~]")


def judge_image(file: BinaryIO, format: str) -> Passed:
    """Leaves `content` and `thumbnail` in the working folder.

    Orientation is applied, colours are brought to sRGB, everything else that is not a pixel of the
    first picture is gone: EXIF, GPS, comments, profiles, what hangs on behind, further frames.
    """
    _look_for_scripts(file, format)
    try:
        with Image.open(file, formats=[format]) as image:
            _measure(*image.size)
            image.load()
            pixels = _plain(image, format)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise refusal("image_too_large") from None
    except UnidentifiedImageError:
        raise refusal("damaged_file") from None
    pixels.save("content", format=format, **_OPTIONS[format])
    _thumbnail(pixels).save("thumbnail", format="JPEG", quality=80)
    return Passed(_TYPES[format], *pixels.size)


def _look_for_scripts(file: BinaryIO, format: str) -> None:
    """They would not survive; but whoever sends such a file is not to be helped with it."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if format == "GIF" and _GIF_SCRIPT.match(data):
            raise refusal("active_content")
        if is_active(data):  # type: ignore[arg-type]
            raise refusal("active_content")


def _measure(width: int, height: int) -> None:
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        raise refusal("image_too_large")
    if width < 1 or height < 1:
        raise refusal("damaged_file")


def _plain(image: Image.Image, format: str) -> Image.Image:
    """The pixels, upright, in sRGB, in a mode that the format has; with nothing else attached."""
    profile = image.info.get("icc_profile")
    ImageOps.exif_transpose(image, in_place=True)
    _measure(*image.size)
    transparent = image.info.get("transparency")
    if image.mode.startswith("I") or image.mode == "F":
        # Pillow would clip 16 bits, not scale them.
        image = image.convert("I").point(lambda value: value / 257).convert("L")
    elif transparent is not None and format in ("PNG", "WEBP"):
        image = image.convert("RGBA")
    elif profile and image.mode in ("RGB", "RGBA", "CMYK"):
        image = _to_srgb(image, profile)
    if image.mode not in _MODES[format]:
        image = image.convert("RGBA" if "A" in image.mode and "RGBA" in _MODES[format] else "RGB")
    if image.mode not in _MODES[format]:
        image = image.convert("P", palette=Image.Palette.ADAPTIVE)
    keep = format == "GIF" and image.mode == "P" and isinstance(transparent, int)
    image.info = {"transparency": transparent} if keep else {}
    return image


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """As the profile says; a broken profile is dropped, and the colours are taken for sRGB."""
    try:
        converted = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGBA" if image.mode == "RGBA" else "RGB",
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    return image if converted is None else converted


def _thumbnail(image: Image.Image) -> Image.Image:
    """Small, on white where one sees through it."""
    small = image
    if image.mode not in ("L", "RGB", "RGBA"):
        transparent = "transparency" in image.info or "A" in image.mode
        small = image.convert("RGBA" if transparent else "RGB")
    small = small.copy() if small is image else small
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    if small.mode == "RGBA":
        white = Image.new("RGB", small.size, "white")
        white.paste(small, mask=small.getchannel("A"))
        small = white
    small.info = {}
    return small
