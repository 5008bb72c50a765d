"""From the bytes of a file to a picture: upright, 8 bits a channel, grey or red, green and blue.

Only formats that Pillow reads by itself are opened; of some others it would call a program. What
has to be decided about a picture (which frame, which background) is counted as a notice. Threads
decode some pictures ahead of the one that is used: Pillow computes beside Python.
"""

from __future__ import annotations

import io
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from tasks.contract import StageError
from tasks.data.images.picture import Picture

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
MOST_PIXELS = 200_000_000  # of a picture: a small file may unpack to any size
BACKGROUND = 255  # white, behind transparent pixels

TURNED = "pictures turned upright, as their EXIF says"
ANIMATED = "pictures with several frames, of which the first is read"
CLEAR = "pictures with transparency, laid on white"
DEEP = "pictures of more than 8 bits a channel, reduced to 8"
PALETTE = "pictures with a palette, read as colours"
PRINT = "pictures in CMYK or another space of colours, read as RGB"

_THREADS = min(4, os.cpu_count() or 1)
_AHEAD = 4 * _THREADS  # pictures that are decoded and not used yet

_ORIENTATION = 0x0112  # of EXIF
_TURNED_ASIDE = (5, 6, 7, 8)  # by a quarter, perhaps mirrored too
_PALETTES = ("P", "PA")
_ALPHA = ("LA", "La", "RGBA", "RGBa", "PA")
_DEEP = ("I", "I;16", "I;16L", "I;16B", "I;16N")


@dataclass(frozen=True)
class Decoded:
    """A picture, of mode L or RGB, and what was decided about it.

    Attributes:
        image: the picture.
        size: its width and height before it was made small, upright.
        notices: what to count.
    """

    image: Image.Image
    size: tuple[int, int]
    notices: list[str] = field(default_factory=list)


Found = TypeVar("Found")


def ahead(
    work: Callable[[Picture], Found], pictures: Iterable[Picture]
) -> Iterator[tuple[Picture, Callable[[], Found]]]:
    """Do the work on each picture in threads, some pictures ahead.

    Args:
        work: such as `decode_picture`; it is called in threads.
        pictures: are read in this thread, and not all at once.

    Yields:
        Each picture in its order, with a function that gives what the work returned, or raises
        what it raised.

    Raises:
        StageError: `pictures` raised it; the pictures before it have been yielded.
    """
    waiting: deque[tuple[Picture, Future[Found]]] = deque()
    ended: StageError | None = None
    with warnings.catch_warnings(), ThreadPoolExecutor(_THREADS) as pool:
        warnings.simplefilter("ignore")  # not in a thread: filters are those of the whole process
        found = iter(pictures)
        while ended is None or waiting:
            try:
                picture = next(found, None) if ended is None else None
            except StageError as error:
                ended, picture = error, None
            if picture is not None:
                waiting.append((picture, pool.submit(work, picture)))
                if len(waiting) <= _AHEAD:
                    continue
            elif not waiting:
                break
            done, future = waiting.popleft()
            yield done, future.result
    if ended is not None:
        raise ended


def decode_picture(picture: Picture, least: int = 0) -> Decoded:
    """The picture as the source has it; see `_decode`.

    Raises:
        StageError: the source could not read it, or from `_decode`.
    """
    if picture.problem:
        raise StageError(f"{picture.where}: {picture.problem}")
    return _decode(picture.data, picture.where, least)


def decode(data: bytes, where: str, least: int = 0) -> Decoded:
    """The picture in the bytes of a file; in the main thread, as warnings are silenced.

    Args and Raises: see `_decode`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd metadata, and of sizes that are checked below
        return _decode(data, where, least)


def _decode(data: bytes, where: str, least: int) -> Decoded:
    """The picture in the bytes of a file.

    Args:
        data: the bytes.
        where: its name, for messages.
        least: if above 0, a JPEG may be decoded to a smaller size, with sides of at least this.

    Raises:
        StageError: it is no picture, is truncated, or cannot be represented in 8 bits.
    """
    if not data:
        raise StageError(f"{where}: the file is empty (0 bytes)")
    notices: list[str] = []
    try:
        image = _opened(data, where, least, notices)
        width, height = image.info["temper_size"]
        orientation = image.getexif().get(_ORIENTATION, 1)
        upright = image if orientation == 1 else ImageOps.exif_transpose(image)
        if upright.size != image.size or orientation != 1:
            notices.append(TURNED)
        # Not by the sizes: a draft of a picture that is no square may be one.
        size = (height, width) if orientation in _TURNED_ASIDE else (width, height)
        return Decoded(_eight_bits(upright, where, notices), size, notices)
    except StageError:
        raise
    except Exception as error:  # the library raises many types for damaged files
        said = str(error).partition("\n")[0] or type(error).__name__
        raise StageError(f"{where}: cannot be decoded, the file is damaged: {said}") from None


def _opened(data: bytes, where: str, least: int, notices: list[str]) -> Image.Image:
    """The first frame of a picture, with all its pixels read."""
    Image.init()  # else it knows the most frequent of these alone
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise StageError(
            f"{where}: not a picture; accepted: {', '.join(FORMATS)}, read by content"
        ) from None
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise StageError(
            f"{where}: {width:,} × {height:,} pixels; accepted: at most {MOST_PIXELS:,} in all"
        )
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        notices.append(ANIMATED)
        image.seek(0)
    if least and image.format == "JPEG":
        image.draft(None, (least, least))
    image.load()
    image.info["temper_size"] = (width, height)
    return image


def _eight_bits(image: Image.Image, where: str, notices: list[str]) -> Image.Image:
    """The picture in mode L or RGB."""
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        return image
    if image.mode == "F":
        raise StageError(
            f"{where}: pixels are fractions; accepted: whole numbers of 8 or 16 bits a channel"
        )
    if image.mode in _DEEP:
        notices.append(DEEP)
        return _reduced(image, where)
    if image.mode == "1":
        return image.convert("L")
    if image.mode in _ALPHA or "transparency" in image.info:
        notices.append(CLEAR)
        return _on_white(image)
    if image.mode in _PALETTES:
        notices.append(PALETTE)
        return image.convert("RGB")
    if image.mode != "RGBX":
        notices.append(PRINT)
    return image.convert("RGB")


def _reduced(image: Image.Image, where: str) -> Image.Image:
    """A picture of 16 bits in 8: the high byte."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65_535:
        raise StageError(f"{where}: pixels beyond 16 bits; accepted: 0 to 65,535 a channel")
    return Image.fromarray((values >> 8).astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    """A picture without its transparency: grey if it is, else colours."""
    grey = image.mode in ("L", "LA", "La", "1")
    whole = image.convert("RGBA")
    ground = Image.new("RGBA", whole.size, (BACKGROUND, BACKGROUND, BACKGROUND, 255))
    return Image.alpha_composite(ground, whole).convert("L" if grey else "RGB")
