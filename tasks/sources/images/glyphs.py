"""Letters and signs of the fonts that matplotlib brings, drawn light on dark.

Each sign is drawn in each face several times, with another rotation, shear, thickness and noise
(of numbers that are hashes of what they are for, so that all machines draw the same). Its label is
the sign. Digits are left out, so that they can be learnt from few labels, and so are signs that
look like others (Greek capital alpha). One family of faces is held out for validation.
"""

from __future__ import annotations

import importlib.metadata
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tasks.experiment.images.pictures import PictureColumns
from tasks.sources import Progress, Source
from tasks.sources.images import Picture

WRITTEN = "builtin:glyphs"
LIBRARIES = ("matplotlib", "pillow", "numpy")
FACES = (
    *(f"DejaVuSans{style}" for style in ("", "-Bold", "-BoldOblique", "-Oblique")),
    *(f"DejaVuSansMono{style}" for style in ("", "-Bold", "-BoldOblique", "-Oblique")),
    *(f"DejaVuSerif{style}" for style in ("", "-Bold", "-BoldItalic", "-Italic")),
    *(f"STIXGeneral{style}" for style in ("", "Bol", "BolIta", "Italic")),
    *("cmb10", "cmr10", "cmss10", "cmtt10"),
)
HELD_OUT = "STIXGeneral"  # the family of faces to validate on
SIGNS = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    "ΓΔΘΛΞΠΣΦΨΩαβγδεζηθλμνξπρστφχψω"
    "БДЖИЛЦЧШЩЪЫЭЮЯбджилцчшщъыэюя"
    "!?&@#$%()*+/<=>[]{}~«»§¶©±×÷€£"
)
DRAWINGS = 2  # of each sign in each face
SIDE, POINTS = 48, 34  # of a picture, and of its font, in pixels
_TURN, _SHEAR, _NOISE = 12.0, 0.2, 12.0  # degrees, slope, levels of grey: the most


def is_here(location: str) -> bool:
    """`builtin:glyphs` alone."""
    return location == WRITTEN


def identify(_location: str, _field: str) -> dict[str, str]:
    """The versions of what brings the fonts and of what draws them."""
    return {name: importlib.metadata.version(name) for name in ("matplotlib", "pillow")}


def name_of(_identity: dict[str, str]) -> str:
    """Its name on pages."""
    return "glyphs of matplotlib's fonts"


def pictures(_source: Source, _columns: PictureColumns, progress: Progress) -> Iterator[Picture]:
    """All drawings, the faces in turn; those of a sign that a face does not have are left out."""
    import matplotlib as mpl
    from matplotlib.ft2font import FT2Font
    from PIL import ImageFont

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    for number, face in enumerate(FACES):
        file = folder / f"{face}.ttf"
        known = FT2Font(str(file))
        font = ImageFont.truetype(str(file), POINTS)
        for place, sign in enumerate(SIGNS):
            if not known.get_char_index(ord(sign)):
                continue
            for drawing in range(DRAWINGS):
                name = f"{face}/{ord(sign):04x}-{drawing}.png"
                yield Picture(
                    name,
                    _drawn(sign, font, (number, place, drawing)),
                    sign,
                    "",
                    "validation" if face.startswith(HELD_OUT) else "train",
                    f"{WRITTEN}, {name}",
                )
        progress(number + 1, len(FACES), "faces")


def _drawn(sign: str, font: Any, which: tuple[int, int, int]) -> bytes:
    """The PNG of a drawing; the first of each sign is upright and clean."""
    import numpy as np
    from PIL import Image, ImageDraw

    from tasks.data.randomness import draw, unit

    turn, slope, thick = (
        float(2 * unit(draw(purpose, *which)) - 1) if which[-1] else 0.0 for purpose in range(3)
    )
    image = Image.new("L", (SIDE, SIDE), 0)
    ImageDraw.Draw(image).text(
        (SIDE / 2, SIDE / 2), sign, fill=255, font=font, anchor="mm", stroke_width=int(thick > 0.4)
    )
    if which[-1]:
        skew = _SHEAR * slope
        moved = (1, skew, -skew * SIDE / 2, 0, 1, 0)
        image = image.transform(
            (SIDE, SIDE), Image.Transform.AFFINE, moved, Image.Resampling.BILINEAR
        ).rotate(_TURN * turn, Image.Resampling.BILINEAR)
        values = np.asarray(image, dtype=np.float64)
        noise = unit(draw(3, *which, np.arange(values.size))).reshape(values.shape)
        values = values * (0.8 + 0.2 * abs(slope)) + _NOISE * noise
        image = Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
