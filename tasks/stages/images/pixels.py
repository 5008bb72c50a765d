"""Stage `pixels`: the pictures decoded, resized and stored once, as memory-mapped bytes.

The counterpart of stage `tokens`. Pictures flow from the source one at a time, so memory is
constant in their number. `tasks/data/images/pixel_arrays.py` describes the files.
"""

from __future__ import annotations

import functools
import shutil
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.contract import Monitor, StageError
from tasks.data.images.decoding import Decoded, ahead, decode_picture
from tasks.data.images.picture import Picture
from tasks.data.images.pixel_arrays import PixelFile
from tasks.data.images.resizing import to_square
from tasks.data.notices import Notices
from tasks.data.tables import read_table, write_json
from tasks.experiment.images.pictures import PictureColumns, Pixels
from tasks.models.answering import read_labels
from tasks.problems.picture_rows import keeping
from tasks.sources import Source
from tasks.sources.images import pictures

COLUMNS = ("document", "image", "label", "place")


def store_pixels(
    pixels: Pixels,
    columns: PictureColumns,
    source: Source,
    *,
    images: Path,
    problem: str = "",
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Decode and resize the pictures of each split, and store them.

    Args:
        pixels: Their size, channels, and what becomes of those that are no squares.
        columns: Which column of a table has which role.
        source: Where the pictures come from.
        images: Folder of stage `images`, which says what is read and its split.
        problem: The one whose answers move with the pixels, such as masks; "" if there is none.
        out: Empty folder for SPLIT.npy and SPLIT.parquet, labels.json and pixels.json (size,
            channels, fit), and what the problem stores beside them.
        monitor: Receives the progress, and what of the answers is lost.

    Returns:
        pictures and megabytes stored, and the mean and the deviation of a pixel, from 0 to 1.

    Raises:
        StageError: the source does not have the pictures that stage `images` saw; or from the
            problem, where none of its answers is left.
    """
    counts = Counter(row["split"] for row in read_table(images / "pictures.parquet", ["split"]))
    splits = [split for split in ("train", "validation", "test") if counts[split]]
    notices = Notices()
    sums = np.zeros(3)  # of pixels: their number, they, and their squares
    with ExitStack() as stack:
        arrays = {
            split: stack.enter_context(
                PixelFile(out / f"{split}.npy", counts[split], pixels.size, pixels.channels)
            )
            for split in splits
        }
        keep = stack.enter_context(
            keeping(
                problem,
                out,
                {split: counts[split] for split in splits},
                pixels,
                read_labels(images),
                notices=notices,
            )
        )
        tables: dict[str, list[tuple[str, str, str, int]]] = {split: [] for split in splits}
        found = ahead(functools.partial(_read, pixels), pictures(source, columns, _silent))
        for done, row in enumerate(read_table(images / "pictures.parquet"), 1):
            picture, read = next((e for e in found if e[0].name == row["image"]), (None, None))
            if picture is None or read is None:
                raise StageError(
                    f"{source.location}: {row['image']} was removed after stage `images` read it; "
                    "run it again to read the current files"
                )
            monitor.progress(done, counts.total(), "pictures")
            if not row["split"]:
                continue
            decoded, values = read()
            rows = tables[row["split"]]
            label = keep(row["split"], picture, decoded, row["label"])
            rows.append((row["group"], row["image"], label, len(rows)))
            arrays[row["split"]].append(values)
            shades = values.astype(np.float64) / 255
            sums += (shades.size, shades.sum(), (shades**2).sum())
        next(found, None)  # behind the last picture, the source looks whether its files changed
    notices.report(monitor)
    for split, written in tables.items():
        table = pd.DataFrame(written, columns=list(COLUMNS))
        table.to_parquet(out / f"{split}.parquet", index=False)
    shutil.copyfile(images / "labels.json", out / "labels.json")
    write_json(out / "pixels.json", pixels.model_dump())
    number, total, squares = sums.tolist()
    mean = total / number
    return {
        "pictures": float(sum(counts[split] for split in splits)),
        "megabytes": number / 1e6,
        "mean": mean,
        "deviation": float(np.sqrt(max(0.0, squares / number - mean**2))),
    }


def _read(pixels: Pixels, picture: Picture) -> tuple[Decoded, NDArray[np.uint8]]:
    """A picture, and its pixels [size, size, channels]."""
    decoded = decode_picture(picture)
    return decoded, to_square(decoded.image, pixels.size, pixels.channels, pixels.fit)


def _silent(_done: int, _total: int, _unit: str) -> None:
    """The stage counts the pictures itself."""
