"""Semantic segmentation: pictures and masks to batches, scores to masks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from tasks.data.images.augmentation import to_tensor
from tasks.data.images.framing import Frame
from tasks.data.images.masks import (
    IGNORED,
    NOT_COUNTED,
    as_text,
    from_text,
    moved,
    placed,
    shares_of,
)
from tasks.data.images.pixel_arrays import Pixels, open_pixels, with_pixels
from tasks.problems.dense_answers import (
    PIXELS_IN_A_PLACE,
    TRUTH_TOO,
    Batch,
    answered,
    worst_and_others,
)
from tasks.problems.semantic_segmentation.scores import iou_of_each
from tasks.problems.semantic_segmentation.served import SEGMENTERS

AUTO_MODEL: Any = SEGMENTERS
READER = "AutoImageProcessor"
PIPELINE = ""  # the head is ours
LOSS = "cross-entropy of a pixel, nats"
CUT = "pictures_cut"
INFERENCE: Mapping[str, Any] = {}
SERVED = "tasks.problems.semantic_segmentation.served"


@dataclass(frozen=True)
class MaskedExample:
    """A picture as a model reads it, and its mask.

    Attributes:
        pixels: uint8 [size, size, channels], a view of what is stored.
        mask: uint8 [size, size, 1], places among the labels, 255 where nothing is known.
        places: how much it takes of a batch of inference, in tokens of text.
        cut: nothing of a picture is cut.
    """

    pixels: Pixels
    mask: Pixels
    places: int
    cut: int = 0

    @property
    def labels(self) -> NDArray[np.int64]:
        """The label of each pixel; NOT_COUNTED where nothing is known."""
        found = np.asarray(self.mask[..., 0], dtype=np.int64)
        return np.where(found == IGNORED, NOT_COUNTED, found)


def complete(rows: pd.DataFrame, data: Path, split: str) -> pd.DataFrame:
    """The rows with their pictures and masks, which are stored beside the table."""
    masks = open_pixels(data, f"{split}-masks")
    views = pd.Series([masks[place] for place in rows["place"]], index=rows.index, dtype=object)
    return with_pixels(rows, data, split).assign(mask=views)


def any_truth(given: Any, labels: Sequence[str]) -> str:
    """A mask of a picture that nothing is known of."""
    return as_text(np.full((1, 1), IGNORED, dtype=np.uint8), labels)


def encode(rows: pd.DataFrame, reader: Any, labels: Sequence[str]) -> list[MaskedExample]:
    """Each picture with its mask; of a picture without one, nothing is known."""
    pictures = rows["pixels"]
    masks: Iterable[Pixels] = (np.full_like(each[..., :1], IGNORED) for each in pictures)
    if "mask" in rows:
        masks = rows["mask"]
    return [
        MaskedExample(pixels, mask, max(1, mask.size // PIXELS_IN_A_PLACE))
        for pixels, mask in zip(pictures, masks, strict=True)
    ]


def collate(examples: Sequence[MaskedExample], pad_id: int) -> Batch:
    """A batch: `pixel_values` [pictures, 3, size, size], `labels` [pictures, size, size].

    `truth` are the labels once more, since a prediction is not given those.
    """
    labels = torch.from_numpy(np.stack([example.labels for example in examples]))
    return {
        "pixel_values": to_tensor([example.pixels for example in examples]),
        "labels": labels,
        TRUTH_TOO: labels,
    }


def move(batch: Batch, maps: NDArray[np.float64]) -> Batch:
    """A batch to learn from, its masks moved as its pictures are."""
    kept = {name: part for name, part in batch.items() if name != TRUTH_TOO}
    return kept | {"labels": moved(batch["labels"], maps)}


def whole(answer: str, frame: Frame) -> str:
    """The mask of a square as one of its picture, which does not count beyond the square."""
    mask, names = from_text(answer)
    square = np.where(mask < 0, IGNORED, mask).astype(np.uint8)
    return as_text(frame.whole(square, IGNORED), names)


def logits(model: Any, inputs: Batch) -> torch.Tensor:
    """[pictures, pixels + 1]: the best label of each pixel, and behind them the mean loss.

    The loss of a picture without a pixel that counts is 0.

    The scores of all labels are not kept: they are many times as large as the pictures.
    """
    scores = model(pixel_values=inputs["pixel_values"]).logits.float()
    truth = inputs[TRUTH_TOO]
    logs, known = scores.log_softmax(-1), truth >= 0
    given = logs.gather(-1, truth.where(known, 0)[..., None])[..., 0] * known
    loss = -given.flatten(1).sum(1) / known.flatten(1).sum(1).clamp(min=1)
    return torch.cat([scores.argmax(-1).flatten(1).float(), loss[:, None]], dim=1)


def texts(rows: pd.DataFrame) -> list[str]:
    """The names of the pictures."""
    return [str(name) for name in rows["image"]]


def decide(
    rows: pd.DataFrame,
    examples: Sequence[MaskedExample],
    logits: Sequence[NDArray[np.float32]],
    labels: Sequence[str],
) -> pd.DataFrame:
    """The most likely label of each pixel, as the text of a mask, and the mean loss of a pixel."""
    shapes = [example.pixels.shape[:2] for example in examples]
    masks = [
        found[:-1].astype(np.uint8).reshape(shape)
        for found, shape in zip(logits, shapes, strict=True)
    ]
    return answered(rows, [as_text(mask, labels) for mask in masks], logits)


SHOWN = 16  # pictures on a page


def keep(rows: pd.DataFrame, answers: pd.DataFrame, out: Path) -> None:
    """Keep the worst answers and some others with their pictures, for the page.

    Writes shown-masks.npz: `pictures` uint8 [pictures, size, size, channels], `truth` and `answer`
    int64 [pictures, size, size] (-1: not counted), `iou` [pictures], and `names`, the classes;
    the worst first, then others from the best to the worst.
    """
    iou = iou_of_each(answers["gold"], answers["predicted"])
    chosen = worst_and_others(iou, SHOWN)
    known = _frequent_first(answers["gold"], answers["predicted"])
    np.savez_compressed(
        out / "shown-masks.npz",
        pictures=np.stack([rows["pixels"].iloc[i] for i in chosen]),
        truth=np.stack([placed(answers["gold"].iloc[i], known) for i in chosen]),
        answer=np.stack([placed(answers["predicted"].iloc[i], known) for i in chosen]),
        iou=iou[chosen],
        names=np.array(known),
    )


def _frequent_first(gold: Iterable[str], predicted: Iterable[str]) -> list[str]:
    """The classes in some masks, those with the most true pixels first; then those answered."""
    areas: dict[str, float] = defaultdict(float)
    for texts_of, counted in ((gold, 1), (predicted, 0)):
        for text in texts_of:
            for name, share in shares_of(text).items():
                areas[name] += counted * share
    return sorted(areas, key=lambda name: (-areas[name], name))
