"""Object detection: pictures and boxes to batches, peaks to boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from tasks.data.images import boxes
from tasks.data.images.augmentation import to_tensor
from tasks.data.images.boxes import Box
from tasks.data.images.framing import Frame
from tasks.data.images.pixel_arrays import Pixels, with_pixels
from tasks.problems.dense_answers import (
    PIXELS_IN_A_PLACE,
    TRUTH_TOO,
    Batch,
    answered,
    worst_and_others,
)
from tasks.problems.object_detection.scores import quality_of_each
from tasks.problems.object_detection.served import DETECTORS, LEAST
from tasks.problems.published.detection import MOST

AUTO_MODEL: Any = DETECTORS
READER = "AutoImageProcessor"
RELABELS = False  # its outputs are maps: a heat for each label, and places
PIPELINE = ""  # the head is ours
LOSS = "focal loss of the heats, and L1 of the boxes, of an object"
CUT = "pictures_cut"
INFERENCE: Mapping[str, Any] = {}
SERVED = "tasks.problems.object_detection.served"
DIGITS = 4  # of an answer in the square, which `whole` scales
NO_BOX = -100  # as NO_LABEL elsewhere


@dataclass(frozen=True)
class BoxedExample:
    """A picture as a model reads it, and its boxes.

    Attributes:
        pixels: uint8 [size, size, channels], a view of what is stored.
        labels: the number of the label of each box.
        corners: [boxes, 4] in pixels of the square.
        places: how much it takes of a batch of inference, in tokens of text.
        cut: nothing of a picture is cut.
    """

    pixels: Pixels
    labels: NDArray[np.int64]
    corners: NDArray[np.float64]
    places: int
    cut: int = 0


def complete(rows: pd.DataFrame, data: Path, split: str) -> pd.DataFrame:
    """The rows with their pictures, which are stored beside the table."""
    return with_pixels(rows, data, split)


def any_truth(given: Any, labels: Sequence[str]) -> str:
    """No object, in a picture that nothing is known of."""
    return boxes.as_text([])


def encode(rows: pd.DataFrame, reader: Any, labels: Sequence[str]) -> list[BoxedExample]:
    """Each picture with its boxes."""
    number = {label: i for i, label in enumerate(labels)}
    examples = []
    for pixels, text in zip(rows["pixels"], rows["label"], strict=True):
        found = boxes.objects_in(text)
        corners = np.array([box.corners for box in found], dtype=np.float64).reshape(-1, 4)
        names = np.array([number[box.label] for box in found], dtype=np.int64)
        places = max(1, pixels.shape[0] * pixels.shape[1] // PIXELS_IN_A_PLACE)
        examples.append(BoxedExample(pixels, names, corners, places))
    return examples


def collate(examples: Sequence[BoxedExample], pad_id: int) -> Batch:
    """A batch: `pixel_values` [pictures, 3, size, size], `labels` [pictures, boxes, 5].

    A row of `labels` is a label and left, top, right, bottom; NO_BOX where there are fewer. `truth`
    is the same, since a prediction is not given `labels`.
    """
    most = max(1, *(len(example.labels) for example in examples))
    rows = np.full((len(examples), most, 5), NO_BOX, dtype=np.float32)
    for row, example in zip(rows, examples, strict=True):
        row[: len(example.labels), 0] = example.labels
        row[: len(example.labels), 1:] = example.corners
    labels = torch.from_numpy(rows)
    pixels = to_tensor([example.pixels for example in examples])
    return {"pixel_values": pixels, "labels": labels, TRUTH_TOO: labels}


def move(batch: Batch, maps: NDArray[np.float64]) -> Batch:
    """A batch to learn from, its boxes moved as its pictures are."""
    kept = {name: part for name, part in batch.items() if name != TRUTH_TOO}
    rows = batch["labels"].numpy()
    side = batch["pixel_values"].shape[-1]
    present = rows[..., 0] >= 0
    corners = np.where(present[..., None], rows[..., 1:] * (2 / side) - 1, 0.0).astype(np.float64)
    found, stays = boxes.moved(corners, present, maps)
    moved = np.concatenate([rows[..., :1], (found + 1) * (side / 2)], axis=-1)
    moved = np.where(stays[..., None], moved, NO_BOX).astype(np.float32)
    return kept | {"labels": torch.from_numpy(moved)}


def loss(model: Any, batch: Batch) -> torch.Tensor:
    """The loss of an object, over all of a batch."""
    found: torch.Tensor = model.batch_loss(batch["pixel_values"], batch["labels"])
    return found


def counts(batch: Batch) -> dict[str, int]:
    """What the loss is divided by: the objects, and 1 where there is none.

    So a part of a batch without an object adds the loss of its ground to that of the whole.
    """
    return {"loss": max(1, int((batch["labels"][..., 0] >= 0).sum()))}


def logits(model: Any, inputs: Batch) -> torch.Tensor:
    """[pictures, MOST × 6 + 1] the objects of each picture, and behind them its loss."""
    pixels, truth = inputs["pixel_values"], inputs[TRUTH_TOO]
    places: list[int] | None = getattr(model, "place", None)
    if places is None:
        objects, losses = model.objects_and_losses(pixels, truth)
    else:  # it is asked for labels in another order (tasks/models/relabelling.py)
        there = torch.tensor(places, device=truth.device)
        own = torch.full((model.labels + 1,), NO_BOX, device=truth.device)  # the last: of no box
        own[there] = torch.arange(len(places), device=truth.device)
        numbers = own[truth[..., 0].long().clamp(min=-1)].to(truth.dtype)
        of_model = torch.cat([numbers[..., None], truth[..., 1:]], dim=-1)
        objects, losses = model.model.objects_and_losses(pixels, of_model)
        objects = objects.clone()
        objects[..., 1] = there[objects[..., 1].long()].to(objects.dtype)
    return torch.cat([objects.flatten(1), losses[:, None]], dim=1)


def whole(answer: str, frame: Frame) -> str:
    """The boxes of a square as those of its picture."""
    across, down = frame.scale
    left, top = frame.shift
    found = [
        box.moved((1, 1), (-left, -top)).moved((1 / across, 1 / down), (0, 0))
        for box in boxes.from_text(answer)
    ]
    return boxes.as_text(found, scored=True)


def texts(rows: pd.DataFrame) -> list[str]:
    """The names of the pictures."""
    return [str(name) for name in rows["image"]]


def decide(
    rows: pd.DataFrame,
    examples: Sequence[BoxedExample],
    logits: Sequence[NDArray[np.float32]],
    labels: Sequence[str],
) -> pd.DataFrame:
    """The objects of each picture with their scores, as text, and the loss of the picture."""
    answers = []
    for found in logits:
        table = found[:-1].reshape(MOST, 6).astype(np.float64)
        objects = [
            Box(labels[int(label)], (left, top, right, bottom), score)
            for score, label, left, top, right, bottom in table.tolist()
            if score >= LEAST
        ]
        answers.append(boxes.as_text(objects, scored=True, digits=DIGITS))
    return answered(rows, answers, logits)


SHOWN = 24  # pictures on a page


def keep(rows: pd.DataFrame, answers: pd.DataFrame, out: Path) -> None:
    """Keep the worst answers and some others with their pictures, for the page.

    Writes shown-boxes.npy, uint8 [pictures, size, size, channels], and shown-boxes.parquet: image,
    gold, predicted, quality, in the same order; the worst first, then others from the best on.
    """
    quality = quality_of_each(answers["gold"], answers["predicted"])
    chosen = worst_and_others(quality, SHOWN)
    np.save(out / "shown-boxes.npy", np.stack([rows["pixels"].iloc[i] for i in chosen]))
    table = answers.iloc[chosen][["image", "gold", "predicted"]].assign(quality=quality[chosen])
    table.to_parquet(out / "shown-boxes.parquet", index=False)
