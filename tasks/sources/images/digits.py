"""1,797 handwritten digits of 8 × 8 pixels in 17 shades, which scikit-learn brings.

They are the test set of UCI's "Optical recognition of handwritten digits" (Alpaydin and Kaynak,
1998; CC BY 4.0), written by 13 people. The file does not say by whom, so the splits share writers.
"""

from __future__ import annotations

import importlib.metadata
import io
from collections.abc import Iterator

from tasks.experiment.images.pictures import PictureColumns
from tasks.sources import Progress, Source
from tasks.sources.images import Picture

WRITTEN = "builtin:digits"
LIBRARIES = ("scikit-learn", "pillow")
_DARKEST = 16


def is_here(location: str) -> bool:
    """`builtin:digits` alone."""
    return location == WRITTEN


def identify(_location: str, _field: str) -> dict[str, str]:
    """The version of scikit-learn, whose files never change."""
    return {"scikit-learn": importlib.metadata.version("scikit-learn")}


def name_of(_identity: dict[str, str]) -> str:
    """Its name on pages."""
    return "handwritten digits"


def pictures(_source: Source, _columns: PictureColumns, progress: Progress) -> Iterator[Picture]:
    """The digits, light on dark, each with its number as the label."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()
    shades = np.rint(digits.images * (255 / _DARKEST)).astype(np.uint8)
    for number, (picture, label) in enumerate(zip(shades, digits.target, strict=True)):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        name = f"digit-{number:04}.png"
        yield Picture(name, file.getvalue(), str(label), "", "", f"{WRITTEN}, {name}")
        progress(number + 1, len(shades), "pictures")
