"""Stage `finetuning`: train an encoder, pre-trained or not, on labelled rows.

Both start from the same seeded weights; the pre-trained weights then replace those of the encoder.
So the new head, the batches and their order are the same with and without pre-training. With the
method `full` the gain measures pre-training alone; with another, it compares the pre-trained model
tuned that way with random weights, which always learn in full.

The last weights are used, not the best on validation: choosing would make the validation split part
of training. With `early_stopping` it is: the weights of the best validation are used, and what the
model has on validation is then better than on other rows. The test split has no part in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.contract import Monitor
from tasks.data.chosen_rows import choose_rows
from tasks.data.text.length_buckets import BucketedBatches, Example
from tasks.experiment.pretraining import Checkpoints
from tasks.experiment.problem import FineTuning
from tasks.models.answering import read_labels
from tasks.models.bodies import write_model
from tasks.models.depths import is_body_frozen
from tasks.models.files import INPUT_COLUMNS, PROBLEM
from tasks.models.inference import mean_loss, predict
from tasks.models.learning.cost import Costs, further_copies
from tasks.models.learning.text_model import text_model
from tasks.models.learning.tuning import (
    labels_in,
    last_points,
    loss_of,
    optimization,
    order_of,
    require_matrices,
)
from tasks.models.text_computation import text_computation
from tasks.problems import Problem, load
from tasks.problems.weighted import on_all_rows
from tasks.training.computation import Computation
from tasks.training.loop import Loss, TrainingHistory, train
from tasks.training.microbatches import split_rows
from tasks.training.weights.averages import Averages
from tasks.training.weights.best import Best
from tasks.tuning import Tuned, begin

VALIDATIONS = 10
VALIDATION_ROWS = 1000


def finetune(
    problem: str,
    training: FineTuning,
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
        seed: Seed of the choice of rows, the new weights, the batches and the dropout.
        data: Folder with train.parquet, validation.parquet and labels.json.
        body: Pre-trained model whose encoder starts the training; None starts from random weights.
        architecture: Folder with the configuration and the tokenizer of the model.
        out: Empty folder for `model/`, `model.json`, `curves.json`, and perhaps `adapter/`.
        monitor: Receives the progress and the curves.
        checkpoints: How often to write a checkpoint.
        features: Folder of stage `features`, for a method that reads them.

    Returns:
        examples, steps, train_loss (the last point of the curve: a mean over at most a fiftieth of
        the steps), and validation_loss and the headline metric on validation (at most 1,000 rows),
        both in the precision of the training, and of the weights that are used; and the `Costs`.

    Raises:
        StageError: `max_length` is more than the model can read, the weights do not fit, or from
            `train`.
    """
    kind = load(problem)
    labels = read_labels(data)
    rows = choose_rows(data / "train.parquet", kind.texts, training.train_examples, seed)
    validation = choose_rows(data / "validation.parquet", kind.texts, VALIDATION_ROWS, seed)
    model, tokenizer = text_model(
        kind,
        labels,
        training,
        seed,
        train=data / "train.parquet",
        body=body,
        architecture=architecture,
    )
    tuned = begin(model, training, seed)
    require_matrices(model, training)
    costs = Costs.of(model)
    examples = kind.encode(kind.learnt(rows, rows, model), tokenizer, labels)
    monitor.note(examples=len(rows), **{kind.CUT: sum(example.cut for example in examples)})
    longest = training.max_length
    cut = sum(example.cut > 0 and len(example.input_ids) >= longest for example in examples)
    if cut and body is not None:  # the model from scratch reads the same
        monitor.say(
            f"{cut:,} of {len(rows):,} examples are truncated at max_length ({longest} tokens)"
        )
    number = len(examples) + len(validation)
    precision = training.precision
    read = tuned.solving(kind, examples, precision, monitor, number=number, stored=features) or kind
    validate = validation_of(read, model, kind.learnt(validation, rows, model), tokenizer, labels)
    history = learn(
        read,
        tuned,
        examples,
        training,
        loss=loss_of(kind, training, examples, len(labels)),
        seed=seed,
        validate=validate,
        monitor=monitor,
        checkpoints=checkpoints,
    )
    tuned.finish(out, body)
    kind.finish(model, rows)
    inputs = [name for name in rows.columns if name not in ("document", kind.TRUTH)]
    if len(inputs) > 1 or hasattr(model.config, INPUT_COLUMNS):  # of what it was tuned for before
        model.config.update({INPUT_COLUMNS: inputs if len(inputs) > 1 else None})
    model.config.update({PROBLEM: problem})
    write_model(model, tokenizer, out / "model")
    card = {
        "task": kind.PIPELINE,
        "example": example_of(kind, validation.head(3), inputs),
        "model_config": kind.INFERENCE,
        "served": kind.SERVED,
    }
    (out / "model.json").write_text(json.dumps(card, indent=2), encoding="utf-8")
    headline = f"validation_{kind.HEADLINE}"
    curves: dict[str, Any] = {
        "metric": kind.METRICS[kind.HEADLINE].words,
        "loss": kind.LOSS,
        "headline": headline,
        "curves": history.curves("loss", "validation_loss", headline),
    }
    if history.kept:
        curves["kept"] = history.kept
    (out / "curves.json").write_text(json.dumps(curves) + "\n", encoding="utf-8")
    monitor.note(**costs.peak())
    return {"examples": float(len(rows)), **last_points(history, kind), **costs.of_files(out)}


def example_of(kind: Problem, rows: pd.DataFrame, inputs: Sequence[str]) -> list[Any]:
    """What a served model is asked: a text, or a row with the columns of its inputs."""
    return kind.texts(rows) if len(inputs) == 1 else rows[list(inputs)].to_dict("records")


def validation_of(
    kind: Problem, model: Any, rows: pd.DataFrame, tokenizer: Any, labels: Sequence[str]
) -> Callable[[], dict[str, float]]:
    """A function that evaluates the current model on the validation rows."""
    examples = kind.encode(rows, tokenizer, labels)

    def validate() -> dict[str, float]:
        table = predict(kind, model, rows, examples, labels)
        scores = kind.score(table["gold"], table["predicted"], labels)
        headline = on_all_rows(scores)[kind.HEADLINE]
        return {"validation_loss": mean_loss(table), f"validation_{kind.HEADLINE}": headline}

    return validate


def learn(
    kind: Problem,
    tuned: Tuned,
    examples: Sequence[Example],
    training: FineTuning,
    *,
    loss: Loss,
    seed: int,
    validate: Callable[[], dict[str, float]],
    monitor: Monitor,
    checkpoints: Checkpoints | None,
) -> TrainingHistory:
    """Train the model in place, validating at the ends of epochs, about ten times in all."""
    model = tuned.model
    batches = BucketedBatches(
        examples,
        lambda chosen: kind.collate(chosen, model.config.pad_token_id),
        batch_size=training.batch_size,
        epochs=training.epochs,
        seed=seed,
    )
    how = computation(kind, model, examples, training)
    return train(
        model,
        batches,
        optimization(training, len(batches), seed),
        loss,
        monitor,
        validate=validate,
        validate_every=batches.steps_per_epoch * -(-training.epochs // VALIDATIONS),
        checkpoints=checkpoints,
        computation=how if tuned.computes else replace(how, flops=None),
        rates=tuned.rates,
        averages=Averages(training.averaging) if training.averaging else None,
        best=Best(training.early_stopping, order_of(kind)) if training.early_stopping else None,
    )


def computation(
    kind: Problem, model: Any, examples: Sequence[Example], training: FineTuning
) -> Computation:
    """How to compute steps with batches of such examples: as many rows at once as fit."""
    longest = max(examples, key=lambda example: len(example.input_ids))
    return text_computation(
        model,
        head=kind.head,
        split=split_rows,
        counts=labels_in,
        micro_batch_size=training.micro_batch_size,
        batch_size=min(training.batch_size, len(examples)),
        length=len(longest.input_ids),
        row=kind.head(model.config, kind.collate([longest], model.config.pad_token_id)),
        precision=training.precision,
        frozen=is_body_frozen(model),
        copies=further_copies(model, training),
        recomputes=training.gradient_checkpointing,
    )
