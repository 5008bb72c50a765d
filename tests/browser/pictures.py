"""Pictures of pages for the documentation: cropped, and small enough for a repository."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import FloatRect, Page

WINDOW = {"width": 1400, "height": 900}
_COLOURS = 128
_LARGEST = 300_000  # bytes


class Pictures:
    """A folder of pictures: where TEMPER_PICTURES says, else a temporary one."""

    def __init__(self, otherwise: Path) -> None:
        self.folder = Path(os.environ.get("TEMPER_PICTURES") or otherwise)
        self.folder.mkdir(parents=True, exist_ok=True)

    def take(self, page: Page, name: str, height: int = WINDOW["height"], left: int = 0) -> Path:
        """Take a picture of what the window shows, so many pixels high, without its left margin.

        Raises:
            AssertionError: it is 300 kB or more.
        """
        page.mouse.move(0, 0)  # nothing is under the pointer
        clip: FloatRect = {"x": left, "y": 0, "width": WINDOW["width"] - left, "height": height}
        taken = page.screenshot(clip=clip, scale="css", animations="disabled")
        file = self.folder / f"{name}.png"
        picture = Image.open(BytesIO(taken)).convert("RGB")
        picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)
        assert file.stat().st_size < _LARGEST, f"{file} has {file.stat().st_size} bytes"
        return file
