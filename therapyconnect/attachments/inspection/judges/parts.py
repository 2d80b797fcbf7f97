"""What DOCX and ODT have in common."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from therapyconnect.attachments.inspection.judges.xml_parts import local
from therapyconnect.attachments.inspection.outcome import refusal

LINKS: Final = re.compile(r"(?:https?|mailto|tel):", re.IGNORECASE)
"""Where a link may lead that a person clicks."""

_PICTURES: Final = frozenset({
    "png", "jpg", "jpeg", "jpe", "jfif", "gif", "bmp", "dib", "tif", "tiff", "emf", "wmf", "wdp",
    "webp", "svm", "odttf", "ttf", "otf",
})  # fmt: skip


def is_picture(name: str) -> bool:
    """By its ending: a picture, or a font that came along."""
    return name.rpartition(".")[2].lower() in _PICTURES


class Drawing:
    """A drawing inside (SVG): no script, no event, nothing from elsewhere."""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if local(tag).lower() in ("script", "foreignobject", "iframe", "handler"):
            raise refusal("active_content")
        for key, value in attributes.items():
            name = local(key).lower()
            if name.startswith("on"):
                raise refusal("active_content")
            if name in ("href", "src") and not value.strip().startswith(("#", "data:image/")):
                raise refusal("external_content")

    def text(self, text: str) -> None:
        """None counts."""
