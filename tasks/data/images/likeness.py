"""Which pictures are copies of each other: the same by a perceptual hash.

The hash is that of differences (Krawetz 2013, "Kind of like that"): the picture in grey at 17 × 17,
and for each pixel whether it is brighter than the one to its right, and than the one below it, 512
bits. Copies in another format have mostly the same bits; here all bits have to be equal.
"""

from __future__ import annotations

import hashlib

import numpy as np
from PIL import Image

SIDE = 16
_LEAST_CONTRAST = 8  # levels of grey: a flat picture has a hash of nothing but noise


def likeness(image: Image.Image, data: bytes) -> bytes:
    """What is equal for copies of a picture; of a flat picture, that of its bytes.

    Args:
        image: the picture.
        data: the bytes of its file.
    """
    grey = image.convert("L").resize((SIDE + 1, SIDE + 1), Image.Resampling.BOX)
    values = np.asarray(grey, dtype=np.int16)
    if int(values.max()) - int(values.min()) < _LEAST_CONTRAST:
        return hashlib.sha256(data).digest()
    bits = [values[:-1, :-1] > values[:-1, 1:], values[:-1, :-1] > values[1:, :-1]]
    return hashlib.sha256(np.packbits(np.stack(bits)).tobytes()).digest()
