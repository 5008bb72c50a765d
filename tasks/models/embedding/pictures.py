"""The features of pictures in files: those that the probe of a pre-training reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from transformers import AutoModel

from tasks.data.images.augmentation import to_tensor
from tasks.data.images.decoding import decode
from tasks.data.images.resizing import to_square
from tasks.models.bodies import read_model
from tasks.models.embedding import FEATURES
from tasks.models.images.building import in_layout
from tasks.models.images.features import pooled
from tasks.models.images.reader_file import read_pixels

AT_ONCE = 256  # pictures


def embed_pictures(
    folder: Path,
    files: Sequence[tuple[str, Path]],
    report: Callable[[int, int], None] | None = None,
) -> Iterator[pd.DataFrame]:
    """The features of pictures, some at a time, in their order; the model is read at once.

    Args:
        folder: of a model that reads pictures, with or without a head.
        files: pictures, each by its name in the table and its path.
        report: receives how many of how many pictures are done.

    Returns:
        `image` and FEATURES, an array of fp32: the mean over places (see `pooled`).

    Raises:
        StageError: the model cannot be read, or, while it computes, a file is no picture.
    """
    pixels = read_pixels(folder)
    model, _ = read_model(AutoModel, folder, "AutoImageProcessor")
    model = in_layout(model)

    @torch.no_grad()
    def tables() -> Iterator[pd.DataFrame]:
        for begin in range(0, len(files), AT_ONCE):
            some = files[begin : begin + AT_ONCE]
            images = [decode(path.read_bytes(), name).image for name, path in some]
            squares = [to_square(each, pixels.size, pixels.channels, pixels.fit) for each in images]
            given = to_tensor(np.stack(squares)).to(model.device)
            found = pooled(model, given).float().cpu().numpy()
            table = pd.DataFrame({"image": [name for name, _ in some], FEATURES: list(found)})
            table.attrs["cut"] = 0
            if report is not None:
                report(begin + len(some), len(files))
            yield table

    return tables()
