"""Stage `finetuning` of an experiment on images: train a model on labelled pictures.

As on text, a model and its counterpart from scratch start from the same seeded weights, and see the
same augmented pictures in the same order; the pre-trained weights then replace those of the
backbone. So with the method `full` the gain measures pre-training alone; with another, it compares
the pre-trained model tuned that way with random weights, which always learn in full.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from tasks.contract import Monitor
from tasks.data.chosen_rows import choose_rows
from tasks.data.images.augmentation import Augmenter
from tasks.data.images.examples import ImageBatches
from tasks.data.images.mixing import Mixer
from tasks.data.images.resizing import in_base64
from tasks.experiment.images.problem import ImageTuning
from tasks.experiment.pretraining import Checkpoints
from tasks.models.answering import read_labels
from tasks.models.files import PROBLEM
from tasks.models.images import beginning
from tasks.models.images.losses import count_labels, picture_loss_of
from tasks.models.images.reader_file import Normalization, read_pixels, write_reader
from tasks.models.inference import mean_loss, predict
from tasks.models.learning.cost import Costs
from tasks.models.learning.tuning import (
    labels_in,
    last_points,
    optimization,
    order_of,
    require_matrices,
)
from tasks.problems import Problem, load
from tasks.problems.picture_rows import counts_of, move_of, moves
from tasks.problems.weighted import on_all_rows
from tasks.training.loop import Batch, train
from tasks.training.weights.averages import Averages
from tasks.training.weights.best import Best
from tasks.tuning import begin

VALIDATIONS = 10
VALIDATION_ROWS = 1000
LOOKED_AT = 6  # of them, at each point of the curve

Look = Callable[[pd.DataFrame, pd.DataFrame, Sequence[str]], None]


@dataclass(frozen=True)
class Varied:
    """The examples of a problem, augmented.

    Attributes:
        kind: the problem.
        examples: as it encodes them.
        augmenter: varies their pictures; None for a method that reads them as they are.
        mixer: mixes the pictures of a batch, and their labels; None leaves them apart.
    """

    kind: Problem
    examples: Sequence[Any]
    augmenter: Augmenter | None
    mixer: Mixer | None = None

    def __len__(self) -> int:
        return len(self.examples)

    def draw(self, indices: NDArray[np.int64], epochs: NDArray[np.int64]) -> Batch:
        """A batch: example `indices[i]` as it is drawn in epoch `epochs[i]`."""
        batch = self.kind.collate([self.examples[i] for i in indices], 0)
        if self.augmenter is None:
            return move_of(self.kind)(batch, np.tile(np.eye(2, 3), (len(indices), 1, 1)))
        batch = move_of(self.kind)(batch, self.augmenter.maps(indices, epochs))
        batch |= {"pixel_values": self.augmenter(batch["pixel_values"], indices, epochs)}
        return batch if self.mixer is None else self.mixer(batch, indices, epochs)


def finetune_on_images(
    problem: str,
    training: ImageTuning,
    seed: int,
    *,
    data: Path,
    body: Path | None,
    architecture: Path,
    out: Path,
    monitor: Monitor,
    checkpoints: Checkpoints | None = None,
    features: Path | None = None,
) -> dict[str, float]:
    """Train a model on a problem and write it to `out/model`.

    Args:
        problem: The problem to train on.
        training: How to train.
        seed: Seed of the choice of pictures, the new weights, the batches and the augmentation.
        data: Folder of stage `pixels` with the training and validation pictures.
        body: Pre-trained model whose weights start the training; None starts from random weights.
        architecture: Folder with the configuration of the model, and how large its pictures are.
        out: Empty folder for `model/`, `model.json`, `curves.json`, and perhaps `adapter/`.
        monitor: Receives the progress and the curves.
        checkpoints: How often to write a checkpoint.
        features: Folder of stage `features`, for a method that reads them.

    Returns:
        examples, steps, train_loss (the last point of the curve), and validation_loss and the
        headline metric on validation (at most 1,000 pictures), both of the weights that are used;
        and the `Costs`.

    Raises:
        StageError: the weights do not fit, or from `train`.
    """
    kind = load(problem)
    labels = read_labels(data)
    rows, validation = (
        kind.complete(choose_rows(data / f"{split}.parquet", kind.texts, most, seed), data, split)
        for split, most in (("train", training.train_examples), ("validation", VALIDATION_ROWS))
    )
    model = beginning.new_model(kind, architecture, labels, training.dropout, seed)
    if body is not None:
        beginning.load(model, kind, body, labels, monitor)
    tuned = begin(model, training, seed)
    require_matrices(model, training)
    costs = Costs.of(model)
    examples = kind.encode(rows, None, labels)
    monitor.note(examples=len(rows))
    counts = count_labels(examples, len(labels), kind.HEAD.problem_type)
    if missing := [name for name, count in zip(labels, counts, strict=True) if not count]:
        monitor.say(
            f"Warning: none of the {len(rows):,} training examples has {len(missing)} of the "
            f"{len(labels)} labels, such as {missing[0]!r}, which cannot be learnt: raise "
            "train_examples, or set another seed"
        )
    size = min(training.batch_size, len(examples))
    channels = read_pixels(architecture).channels
    augmenter, mixer, settings = None, None, training.augmentation
    if tuned.varies:
        augmenter = Augmenter(settings, seed, channels=channels)
        mixer = Mixer(settings.mixup, seed, len(labels)) if settings.mixup else None
    number = len(examples) + len(validation)
    precision = training.precision
    read = tuned.solving(kind, examples, precision, monitor, number=number, stored=features) or kind
    batches = ImageBatches(
        Varied(read, examples, augmenter, mixer),
        -(-len(examples) * training.epochs // size),
        size,
        seed,
    )
    look = partial(look_at, monitor, problem) if moves(problem) else None
    history = train(
        model,
        batches,
        optimization(training, len(batches), seed),
        picture_loss_of(kind, training, counts, len(examples), mixed=mixer is not None),
        monitor,
        validate=validation_of(read, model, validation, labels, look),
        validate_every=max(1, len(batches) // VALIDATIONS),
        checkpoints=checkpoints,
        computation=beginning.computation(
            model,
            batches[0],
            counts=counts_of(kind, labels_in),
            micro_batch_size=training.micro_batch_size,
        ),
        rates=tuned.rates,
        averages=Averages(training.averaging) if training.averaging else None,
        best=Best(training.early_stopping, order_of(kind)) if training.early_stopping else None,
    )
    tuned.finish(out, body)
    model.to(memory_format=torch.contiguous_format)
    model.config.update({PROBLEM: problem})
    model.save_pretrained(out / "model")
    write_reader(read_pixels(architecture), out / "model", Normalization.of(architecture))
    card = {
        "task": kind.PIPELINE,
        "example": [in_base64(pixels) for pixels in validation["pixels"].head(2)],
        "model_config": kind.INFERENCE,
        "served": kind.SERVED,
    }
    (out / "model.json").write_text(json.dumps(card, indent=2), encoding="utf-8")
    headline = f"validation_{kind.HEADLINE}"
    curves: dict[str, Any] = {
        "metric": kind.METRICS[kind.HEADLINE].words,
        "loss": getattr(model, "LOSS", kind.LOSS),  # a head of its own has one
        "headline": headline,
        "curves": history.curves("loss", "validation_loss", headline),
    }
    if history.kept:
        curves["kept"] = history.kept
    (out / "curves.json").write_text(json.dumps(curves) + "\n", encoding="utf-8")
    monitor.note(**costs.peak())
    return {"examples": float(len(rows)), **last_points(history, kind), **costs.of_files(out)}


def validation_of(
    kind: Problem,
    model: Any,
    rows: pd.DataFrame,
    labels: Sequence[str],
    look: Look | None = None,
) -> Callable[[], dict[str, float]]:
    """A function that evaluates the current model on the validation pictures.

    `look` is called with the first of them and the answers.
    """
    examples = kind.encode(rows, None, labels)

    def validate() -> dict[str, float]:
        table = predict(kind, model, rows, examples, labels)
        if look is not None:
            look(rows.head(LOOKED_AT), table.head(LOOKED_AT), labels)
        scores = kind.score(table["gold"], table["predicted"], labels)
        headline = on_all_rows(scores)[kind.HEADLINE]
        return {"validation_loss": mean_loss(table), f"validation_{kind.HEADLINE}": headline}

    return validate


def look_at(
    monitor: Monitor,
    problem: str,
    rows: pd.DataFrame,
    answers: pd.DataFrame,
    labels: Sequence[str],
) -> None:
    """Have pictures looked at with the answers to them, which are about places."""
    monitor.look(
        {
            "problem": problem,
            "pixels": list(rows["pixels"]),
            "gold": list(answers["gold"]),
            "predicted": list(answers["predicted"]),
            "labels": list(labels),
        }
    )
