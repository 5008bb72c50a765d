"""Stage `pretraining` of an experiment on images: train a model on stored pictures.

Batches are drawn on the fly from the memory-mapped pixels and augmented, as a function of the seed
and the step. Validation is on held-out pictures as they are stored. While the model learns, a probe
looks whether the nearest neighbour by its features has the same label, where pictures have labels.
The curve is measured on the first of the held-out pictures, so its metrics are called `quick_…`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tasks.contract import Monitor, StageError
from tasks.data.images.examples import ImageBatches, in_order
from tasks.data.images.pixel_arrays import Pictures
from tasks.data.images.resizing import in_base64
from tasks.data.tables import write_json
from tasks.experiment.images.model import ImageModel
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.training import ImagePretraining
from tasks.experiment.pretraining import Checkpoints
from tasks.families import images as families
from tasks.models.answering import read_labels
from tasks.models.images.building import in_layout
from tasks.models.images.computation import image_computation
from tasks.models.images.continuing import begin_with, given_configuration
from tasks.models.images.features import probe, probed
from tasks.models.images.normalization import convert_pixels
from tasks.models.images.reader_file import Normalization, write_reader
from tasks.models.learning.measuring import evaluate, measure, report_plateau
from tasks.objectives import images as objectives
from tasks.objectives.images import ImageObjective
from tasks.training.loop import Batch, Optimization, autocast, device_name, train

VALIDATIONS = 10  # points of the validation curve, each on at most QUICK pictures
QUICK = 512
AT_ONCE = 256  # pictures in a batch of the validation
SERVED = "tasks.problems.image_classification.served"  # how MLflow serves a model with labels


def pretrain_on_images(
    *,
    model: ImageModel | None = None,
    pretraining: ImagePretraining,
    pixels: Pixels,
    seed: int,
    data: Path,
    start: Path | None = None,
    out: Path,
    monitor: Monitor,
    checkpoints: Checkpoints | None = None,
) -> dict[str, float]:
    """Train a model, and write it to `out/model`.

    Args:
        model: family and size of a model with random weights; None with `start`.
        pretraining: what it learns, and how.
        pixels: how the pictures were stored, to be written beside the model.
        seed: seed of weights, order and augmentation.
        data: folder of the stage `pixels`.
        start: folder of the model whose training continues, as stage `start` writes it.
        out: empty folder.
        monitor: receives the curves and the progress.
        checkpoints: how often to write a checkpoint.

    Returns:
        The metrics of the objective, `validation_loss` among them, and `probe_accuracy` where the
        pictures have labels; `parameters`, `pictures` seen, `epochs` over the pictures. The monitor
        gets the measured ones as `quick_…` on the way. With `start`, unless a weight of its head is
        new, also `start_loss`: the validation loss before the training.

    Raises:
        StageError: the pictures have no labels and the objective learns them, there are fewer
            pictures than a batch has, or what `train` raises.
    """
    objective = objectives.load(pretraining.objective)
    labels = read_labels(data)
    learnt, unseen = (Pictures.open(data, split, labels) for split in ("train", "validation"))
    _require(objective, pretraining, learnt, unseen)
    if start is not None:
        config = given_configuration(start, pretraining.dropout)
    elif model is not None:
        config = families.load(model.family).configure(model, pixels.size, pretraining.dropout)
    else:
        raise ValueError("neither the size of a new model nor a given one")
    network = in_layout(objective.new_model(config, seed, labels))
    new = [] if start is None else begin_with(network, start, monitor)
    examples = objective.examples(learnt, pretraining, seed, varied=True)
    batches = ImageBatches(examples, pretraining.steps, pretraining.batch_size, seed)
    held_out = _held_out(objective, unseen, pretraining, seed)
    stored = objective.stored_model(network)
    monitor.note(parameters=stored.num_parameters(), examples=len(examples))
    if stored is not network:
        monitor.note(trained_parameters=network.num_parameters())

    quick = held_out[: max(1, QUICK // len(held_out[0]["pixel_values"]))]
    look = prober(network, learnt, unseen)
    before: dict[str, float] = {}
    if start is not None and not new:
        untrained = evaluate(objective, network, held_out, pretraining.precision)
        before = {"start_loss": untrained["validation_loss"]}
    history = train(
        network,
        batches,
        Optimization.of(
            pretraining, log_every=pretraining.log_every, seed=seed, minutes=pretraining.minutes
        ),
        objective.losses,
        monitor,
        validate=lambda: {
            f"quick_{name}": value
            for name, value in (measure(objective, network, quick) | look()).items()
        },
        validate_every=max(1, pretraining.steps // VALIDATIONS),
        checkpoints=checkpoints,
        computation=image_computation(
            network,
            batches[0],
            counts=objective.counts,
            micro_batch_size=0 if objective.TOGETHER else pretraining.micro_batch_size,
        ),
    )
    found = evaluate(objective, network, held_out, pretraining.precision)
    with torch.no_grad(), autocast(pretraining.precision):
        found |= look()

    if start is not None:
        convert_pixels(stored, start, back=True)
    stored.save_pretrained(out / "model")
    write_reader(pixels, out / "model", None if start is None else Normalization.of(start))
    metrics = {
        **found,
        **objective.derive(found, learnt, unseen),
        **before,
        "parameters": float(stored.num_parameters()),
        "steps": history.steps,
        "pictures": history.steps * pretraining.batch_size,
        "epochs": history.steps * pretraining.batch_size / len(examples),
    }
    report_plateau(metrics, objective.REFERENCE, monitor, "pictures")
    write_json(out / "metrics.json", metrics)
    training, held_out_loss = objective.TRAINING_LOSS, "quick_validation_loss"
    curves = history.curves(training, held_out_loss)
    outcome: dict[str, Any] = {
        "measured": [{"name": n, **asdict(metric)} for n, metric in objective.METRICS.items()],
        "sequences": sum(len(batch["pixel_values"]) for batch in held_out),
        "quick_sequences": sum(len(batch["pixel_values"]) for batch in quick),
        "curves": {"training": curves[training], "held out": curves[held_out_loss]},
        "reference": objective.REFERENCE,
        "header": [],
        "examples": [],
        "medium": "pictures",
    }
    write_json(out / "pretraining.json", outcome)
    if objective.TASK:
        card = {"task": objective.TASK, "served": SERVED}
        asked = [in_base64(each) for each in unseen.first(2).pixels]
        write_json(out / "model.json", {**card, "example": asked})
    return metrics


def _require(
    objective: ImageObjective, pretraining: ImagePretraining, learnt: Pictures, unseen: Pictures
) -> None:
    name = pretraining.objective
    if objective.LABELLED:
        without = int((learnt.labels < 0).sum() + (unseen.labels < 0).sum())
        if without or len(learnt.names) < 2:
            said = f"{without:,} of {len(learnt) + len(unseen):,} pictures have none"
            if not without:
                said = f"all have the label {learnt.names[0]!r}"
            others = [each for each in objectives.names() if not objectives.load(each).LABELLED]
            instead = f", or pretraining.objective: {' or '.join(others)}" if others else ""
            raise StageError(
                f"pretraining.objective: {name} learns the labels of pictures, but {said}; "
                f"accepted: folders by class, or a table with a column of labels{instead}"
            )
    if len(learnt) < pretraining.batch_size:
        raise StageError(
            f"there are {len(learnt):,} pictures to train on, fewer than one batch "
            f"({pretraining.batch_size}): add pictures, or lower pretraining.batch_size"
        )


def _held_out(
    objective: ImageObjective, unseen: Pictures, pretraining: ImagePretraining, seed: int
) -> list[Batch]:
    """Held-out pictures in batches, spread over all of them."""
    count = min(len(unseen), pretraining.validation_pictures)
    places = np.linspace(0, len(unseen) - 1, count).round().astype(int)
    chosen = Pictures(unseen.pixels[places], unseen.labels[places], unseen.names)
    order = np.random.default_rng(0).permutation(count)  # the first ones are of all labels
    chosen = Pictures(chosen.pixels[order], chosen.labels[order], chosen.names)
    examples = objective.examples(chosen, pretraining, seed, varied=objective.TOGETHER)
    return in_order(examples, count, min(AT_ONCE, pretraining.batch_size))


def prober(network: Any, learnt: Pictures, unseen: Pictures) -> Callable[[], dict[str, float]]:
    """A function that probes the features of the current model; nothing without labels."""
    known, asked = probed(learnt), probed(unseen, QUICK)
    if not len(known) or not len(asked):
        return dict
    return lambda: {"probe_accuracy": probe(network.to(device_name()).eval(), known, asked)}
