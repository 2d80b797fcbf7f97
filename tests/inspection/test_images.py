"""What is left of a picture: its pixels, upright, in sRGB, and nothing else."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from tests.inspection import images
from tests.inspection.look import look
from therapyconnect.attachments.inspection import Inspected

EVERYTHING = {
    "a.jpg": images.jpeg_with_everything,
    "a.png": images.png_with_everything,
    "a.webp": images.webp_with_everything,
    "a.gif": images.gif_with_everything,
}


def _inspect(place: Path, data: bytes, name: str) -> Inspected:
    outcome = look(place, data, name=name, declared_type="")
    assert outcome.inspected is not None, outcome.answer
    return outcome.inspected


@pytest.mark.parametrize("name", EVERYTHING)
def test_metadata_and_what_hangs_on_are_gone(name: str, tmp_path: Path) -> None:
    before = EVERYTHING[name]()
    assert images.SECRET in before
    found = _inspect(tmp_path, before, name)
    assert found.thumbnail is not None
    for path in (found.content, found.thumbnail):
        after = path.read_bytes()
        assert b"CANARY" not in after
        for marker in (b"Exif", b"eXIf", b"EXIF", b"ICC_PROFILE", b"iCCP", b"ICCP", b"xmp", b"XMP"):
            assert marker not in after
        with Image.open(path) as image:
            image.load()
            assert dict(image.getexif()) == {}
            assert {"exif", "icc_profile", "comment", "xmp", "Comment"}.isdisjoint(image.info)
            assert getattr(image, "n_frames", 1) == 1
    with Image.open(found.content) as image:
        assert image.size == (found.width, found.height)
        assert Image.MIME[str(image.format)] == found.content_type
    with Image.open(found.thumbnail) as image:
        assert image.format == "JPEG"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_applied_and_then_forgotten(orientation: int, tmp_path: Path) -> None:
    upright = images.picture()
    # The camera's way: turned so that a viewer that heeds the tag sees it upright.
    turned = {
        1: upright,
        2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: upright.transpose(Image.Transpose.ROTATE_180),
        4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Image.Transpose.TRANSPOSE),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        7: upright.transpose(Image.Transpose.TRANSVERSE),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }[orientation]
    data = images.encoded(turned, "PNG", exif=images.exif(orientation))
    found = _inspect(tmp_path, data, "a.png")
    assert (found.width, found.height) == upright.size
    with Image.open(found.content) as image:
        assert image.convert("RGB").tobytes() == upright.tobytes()


def _near(image: Image.Image, at: tuple[int, int], wanted: tuple[int, int, int]) -> bool:
    found = image.convert("RGB").getpixel(at)
    assert isinstance(found, tuple)
    return all(abs(a - b) <= 12 for a, b in zip(found, wanted))


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("a.png", lambda: images.encoded(images.picture(mode="P"), "PNG")),
        ("a.png", lambda: images.encoded(images.picture(mode="RGBA"), "PNG")),
        ("a.gif", lambda: images.encoded(images.picture(), "GIF")),
        ("a.webp", lambda: images.encoded(images.picture(), "WEBP", lossless=True)),
        ("a.jpg", lambda: images.encoded(images.picture(), "JPEG", subsampling=0, quality=95)),
        ("a.jpg", lambda: images.encoded(images.picture(mode="CMYK"), "JPEG", quality=95)),
    ],
)
def test_the_picture_itself_stays(name: str, make: Callable[[], bytes], tmp_path: Path) -> None:
    found = _inspect(tmp_path, make(), name)
    assert found.thumbnail is not None
    with Image.open(found.content) as image, Image.open(found.thumbnail) as small:
        assert image.size == small.size == (60, 40)
        for each in (image, small):
            assert _near(each, (22, 30), (255, 0, 0)) or name == "a.jpg"
            assert _near(each, (45, 20), (0, 0, 255)) or name == "a.jpg"


def test_sixteen_bits_are_scaled_not_cut(tmp_path: Path) -> None:
    deep = Image.new("I;16", (30, 30), 0x8080)
    found = _inspect(tmp_path, images.encoded(deep, "PNG"), "a.png")
    with Image.open(found.content) as image:
        assert image.convert("L").getpixel((3, 3)) == 0x80


def test_a_see_through_picture_stays_so_and_its_thumbnail_is_on_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (1200, 600), (0, 0, 0, 0))
    found = _inspect(tmp_path, images.encoded(clear, "PNG"), "a.png")
    assert found.thumbnail is not None
    with Image.open(found.content) as image, Image.open(found.thumbnail) as small:
        assert image.convert("RGBA").getpixel((5, 5)) == (0, 0, 0, 0)
        assert small.size == (320, 160)
        assert _near(small, (5, 5), (255, 255, 255))


def test_colours_are_brought_to_srgb(tmp_path: Path) -> None:
    """Numbers of another profile are turned into those that show the same colour without it."""
    linear = _linear_profile()
    image = Image.new("RGB", (40, 40), (55, 55, 55))
    found = _inspect(tmp_path, images.encoded(image, "PNG", icc_profile=linear), "a.png")
    with Image.open(found.content) as after:
        grey = after.convert("RGB").getpixel((9, 9))
    # 55/255 of the light is 128 in sRGB's numbers.
    assert isinstance(grey, tuple)
    assert all(abs(value - 128) <= 4 for value in grey)


def test_a_broken_profile_is_dropped(tmp_path: Path) -> None:
    data = images.encoded(images.picture(), "PNG", icc_profile=b"no profile at all" * 20)
    found = _inspect(tmp_path, data, "a.png")
    with Image.open(found.content) as image:
        assert _near(image, (45, 20), (0, 0, 255))


def _linear_profile() -> bytes:
    """sRGB's colours with a gamma of 1: its curves replaced in the bytes of the profile."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(profile[128:132], "big")
    for n in range(count):
        entry = 132 + 12 * n
        if profile[entry + 1 : entry + 4] == b"TRC":
            at = int.from_bytes(profile[entry + 4 : entry + 8], "big")
            profile[at : at + 12] = b"curv\0\0\0\0\0\0\0\0"
            profile[entry + 8 : entry + 12] = (12).to_bytes(4, "big")
    # It is read, and it is what it should be, before anything rests on it.
    ImageCms.ImageCmsProfile(io.BytesIO(bytes(profile)))
    return bytes(profile)
