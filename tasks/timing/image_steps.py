"""What a step of a training on pictures costs on this machine: a few real ones, on noise.

As `steps.py` for text. Pictures have the size of the experiment's; before anything is trained, the
memory of a step is estimated from forward passes of a few of them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import torch

from tasks.contract import Silent
from tasks.data.images.augmentation import Augmenter
from tasks.data.images.examples import ImageBatches, rows
from tasks.data.images.mixing import Mixer
from tasks.data.images.pixel_arrays import Pictures
from tasks.experiment.images.model import ImageModel
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.problem import ImageTuning
from tasks.experiment.images.training import ImagePretraining
from tasks.families import images as families
from tasks.models.images import beginning
from tasks.models.images.building import in_layout
from tasks.models.images.computation import image_computation
from tasks.models.images.continuing import given_configuration
from tasks.models.images.features import PROBED
from tasks.models.images.losses import picture_loss_of
from tasks.models.images.reader_file import write_reader
from tasks.models.inference import predict
from tasks.models.learning.measuring import measure
from tasks.models.learning.tuning import labels_in, optimization
from tasks.objectives import images as objectives
from tasks.problems import Problem, load
from tasks.problems.picture_rows import counts_of
from tasks.stages.images import finetuning, pretraining
from tasks.stages.images.finetuning import Varied
from tasks.timing.image_memory import require_room
from tasks.timing.stopwatch import MEASURED, WARM_UP, Stopwatch, parts_of, seconds_of
from tasks.training.loop import Optimization, autocast, train
from tasks.tuning import begin

STEPS = WARM_UP + MEASURED
VALIDATED = 64  # pictures


@dataclass(frozen=True)
class PictureCost:
    """Seconds on this machine.

    Attributes:
        step: of an optimizer step.
        row: of a picture that is validated.
        once: of a picture that a frozen backbone reads once, in a probe.
        parts: that a batch is computed in.
    """

    step: float
    row: float
    once: float = 0.0
    parts: int = 1

    def of_pretraining(
        self, training: ImagePretraining, held_out: int, probed: int, begun: int = 0
    ) -> float:
        """Seconds of a pre-training from step `begun` to its end, with its validations.

        Args:
            training: how to train.
            held_out: pictures for validation.
            probed: pictures whose features the probe reads each time; 0 without labels.
            begun: the step.
        """
        steps = self.step * training.steps
        if training.minutes:
            steps = min(steps, 60 * training.minutes)
        left = max(0.0, 1 - self.step * begun / steps)
        whole = min(held_out, training.validation_pictures)
        each = min(pretraining.QUICK, whole) + probed
        return left * (steps + self.row * pretraining.VALIDATIONS * each) + self.row * (
            whole + probed
        )

    def of_finetuning(self, training: ImageTuning, examples: int, validation: int) -> float:
        """Seconds of a whole fine-tuning, each validation of so many pictures, to its last step."""
        size = min(training.batch_size, examples)
        steps = -(-examples * training.epochs // size)
        validations = min(steps, finetuning.VALIDATIONS)
        read = self.once * (examples + validation)
        return self.step * steps + self.row * validations * validation + read


def probed_pictures(train: int, held_out: int) -> int:
    """Pictures whose features the probe of a pre-training reads, where they have labels."""
    return min(train, PROBED) + min(held_out, pretraining.QUICK)


def made_up(pixels: Pixels, count: int, labels: int) -> Pictures:
    """Pictures of noise, with labels in turn."""
    shape = (count, pixels.size, pixels.size, pixels.channels)
    noise = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    return Pictures(noise, np.arange(count) % labels, _names(labels))


def time_image_pretraining(
    model: ImageModel | Path, training: ImagePretraining, pixels: Pixels, labels: int
) -> PictureCost:
    """The cost of pre-training on pictures with so many labels; `model` as below.

    Raises:
        StageError: the memory has no room for a batch.
    """
    objective = objectives.load(training.objective)
    names = _names(labels)
    if isinstance(model, Path):
        config = given_configuration(model, training.dropout)
    else:
        config = families.load(model.family).configure(model, pixels.size, training.dropout)
    network: Any = in_layout(objective.new_model(config, 0, names))
    pictures = made_up(pixels, training.batch_size, labels)
    examples = objective.examples(pictures, training, 0, varied=True)
    batches = ImageBatches(examples, STEPS, training.batch_size, 0)
    at_once = 0 if objective.TOGETHER else training.micro_batch_size
    require_room(
        network,
        lambda count: objective.losses(network, examples.draw(*_first(count)))["loss"],
        training,
        at_once=at_once or training.batch_size,
        in_parts=not objective.TOGETHER,
    )
    how = image_computation(network, batches[0], counts=objective.counts, micro_batch_size=at_once)
    watch = Stopwatch()
    taught = Optimization.of(training, log_every=training.log_every, seed=0, minutes=0)
    train(network, batches, taught, objective.losses, watch, computation=how)
    unvaried = objective.examples(pictures, training, 0, varied=objective.TOGETHER)
    batch = unvaried.draw(*_first(min(training.batch_size, pretraining.AT_ONCE)))
    network.eval()
    with torch.no_grad(), autocast(training.precision):
        validated = seconds_of(lambda: measure(objective, network, [batch]))
    return PictureCost(watch.seconds(), validated / rows(batch), parts=parts_of(how, rows(batch)))


def time_image_finetuning(
    problem: str,
    model: ImageModel | Path,
    training: ImageTuning,
    pixels: Pixels,
    labels: int,
    *,
    number: int,
) -> PictureCost:
    """What fine-tuning costs.

    Args:
        problem: what is learnt.
        model: family and size, or the folder of a given one.
        training: how to train.
        pixels: how large pictures are.
        labels: how many there are.
        number: of all examples, those to validate on too.

    Raises:
        StageError: the memory has no room for a batch.
    """
    kind, names = load(problem), list(_names(labels))
    with TemporaryDirectory() as folder:
        architecture = model if isinstance(model, Path) else _described(model, pixels, Path(folder))
        tuned: Any = beginning.new_model(kind, architecture, names, training.dropout, 0)
    way = begin(tuned, training, 0)
    table = _rows(kind, pixels, training.batch_size, names)
    examples = kind.encode(table, None, names)
    begun = time.perf_counter()
    read = way.solving(kind, examples, training.precision, Silent(), number=number) or kind
    once = 0.0 if way.computes else (time.perf_counter() - begun) / len(examples)
    settings, mixer = training.augmentation, None
    augmenter = Augmenter(settings, 0, channels=pixels.channels) if way.varies else None
    if way.varies and settings.mixup:
        mixer = Mixer(settings.mixup, 0, labels)
    varied = Varied(read, examples, augmenter, mixer)
    counts = np.ones(labels, dtype=np.int64)
    loss = picture_loss_of(kind, training, counts, 2, mixed=mixer is not None)
    if way.computes:
        require_room(
            tuned,
            lambda count: loss(tuned, varied.draw(*_first(count))),
            training,
            at_once=training.micro_batch_size or training.batch_size,
        )
    batches = ImageBatches(varied, STEPS, training.batch_size, 0)
    how = beginning.computation(
        tuned,
        batches[0],
        counts=counts_of(kind, labels_in),
        micro_batch_size=training.micro_batch_size,
    )
    watch = Stopwatch()
    taught = optimization(training, STEPS, 0)
    train(tuned, batches, taught, loss, watch, computation=how, rates=way.rates)
    some = table.head(VALIDATED)
    tuned.eval()
    with torch.no_grad(), autocast(training.precision):
        validated = seconds_of(
            lambda: predict(read, tuned, some, read.encode(some, None, names), names)
        )
    return PictureCost(
        watch.seconds(), validated / len(some), once, parts_of(how, training.batch_size)
    )


def _described(model: ImageModel, pixels: Pixels, folder: Path) -> Path:
    """The description of a model of this family and size, as a pre-training writes it."""
    config = families.load(model.family).configure(model, pixels.size, 0.0)
    config.save_pretrained(folder)
    write_reader(pixels, folder)
    return folder


def _rows(kind: Problem, pixels: Pixels, count: int, labels: list[str]) -> pd.DataFrame:
    """Rows of made-up pictures whose truth is unknown."""
    names = [f"{number}.png" for number in range(count)]
    found = pd.DataFrame({"document": names, "image": names})
    found["pixels"] = pd.Series(list(made_up(pixels, count, len(labels)).pixels), dtype=object)
    found[kind.TRUTH] = [kind.any_truth(name, labels) for name in names]
    return found


def _names(labels: int) -> tuple[str, ...]:
    return tuple(f"label {number}" for number in range(labels))


def _first(count: int) -> tuple[Any, Any]:
    """The numbers of the first pictures, and their epochs."""
    return np.arange(count), np.zeros(count, dtype=np.int64)
