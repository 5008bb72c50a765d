"""IDX files, as MNIST is published (LeCun, Cortes and Burges, 1998): pictures and their labels.

`NAME-images-idx3-ubyte` and `NAME-labels-idx1-ubyte`, perhaps packed by gzip; NAME is train or
t10k (the test). Numbers are big-endian: two zero bytes, the type (8: bytes), the number of
dimensions, each of them, then the values.
"""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.contract import StageError
from tasks.data.rows import Split
from tasks.sources.images import Picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NAME = re.compile(r"(.*?)[-.]?(images|labels)[-.]idx[13]-ubyte(\.gz)?")
_BYTES = 8  # the code of the type


def pairs(folder: Path) -> list[tuple[Path, Path]]:
    """The files of pictures with those of their labels, in the order of their names."""
    found: dict[str, dict[str, Path]] = {}
    for path in sorted(folder.iterdir()):
        if (match := _NAME.fullmatch(path.name)) and path.is_file():
            found.setdefault(match[1], {})[match[2]] = path
    return [(each["images"], each["labels"]) for each in found.values() if len(each) == 2]


def pictures(folder: Path) -> Iterator[Picture]:
    """The pictures of all pairs of files, each with its number as the label.

    Raises:
        StageError: a file is truncated, or the two of a pair do not fit together.
    """
    from PIL import Image

    for images, labels in pairs(folder):
        values, answers = _read(images, 3), _read(labels, 1)
        if len(values) != len(answers):
            raise StageError(
                f"{images.name}: {len(values):,} pictures, but {labels.name} has "
                f"{len(answers):,} labels; the two do not belong together"
            )
        split: Split = "test" if images.name.startswith(("t10k", "test")) else "train"
        for number, (picture, label) in enumerate(zip(values, answers, strict=True)):
            file = io.BytesIO()
            Image.fromarray(picture).save(file, "PNG", compress_level=1)
            name = f"{images.name}:{number}"
            yield Picture(name, file.getvalue(), str(label), "", split, name)


def _read(path: Path, dimensions: int) -> NDArray[np.uint8]:
    import numpy as np

    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise StageError(f"{path.name}: not a complete gzip file: {error}") from None
    header = 4 * (1 + dimensions)
    if len(data) < header or data[:2] != b"\0\0" or data[2:4] != bytes([_BYTES, dimensions]):
        raise StageError(
            f"{path.name}: no IDX file of bytes in {dimensions} dimensions; accepted: files as "
            "MNIST has"
        )
    shape = tuple(np.frombuffer(data, ">u4", dimensions, offset=4).tolist())
    values = np.frombuffer(data, np.uint8, offset=header)
    if values.size != np.prod(shape):
        raise StageError(
            f"{path.name}: {values.size:,} values, but its header says "
            f"{' × '.join(map(str, shape))}; the file is truncated"
        )
    return values.reshape(shape)
