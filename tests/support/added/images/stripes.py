"""`builtin:stripes`, as somebody would add it: in one file of `sources/images`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from tasks.sources.images import Picture

WRITTEN = "builtin:stripes"
LIBRARIES = ("pillow",)
_SIDE, _COUNT = 16, 90


def is_here(location: str) -> bool:
    return location == WRITTEN


def identify(location: str, field: str) -> dict[str, str]:
    return {"version": "1"}


def name_of(identity: dict[str, str]) -> str:
    return "stripes"


def pictures(source: Any, columns: Any, progress: Any) -> Iterator[Picture]:
    """Stripes that lie or stand, with noise."""
    import numpy as np
    from PIL import Image

    draw = np.random.default_rng(0)
    for number in range(_COUNT):
        shades = draw.integers(0, 80, (_SIDE, _SIDE), dtype=np.uint8)
        shades[:: int(draw.integers(2, 5))] += 150
        lies = number % 2 == 0
        file = io.BytesIO()
        Image.fromarray(shades if lies else shades.T.copy()).save(file, "PNG")
        name, label = f"{number:03}.png", "lying" if lies else "standing"
        yield Picture(name, file.getvalue(), label, "", "", f"{WRITTEN}, {name}")
        progress(number + 1, _COUNT, "pictures")
