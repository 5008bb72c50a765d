"""What a step of a training costs on this machine: a few real ones, on made-up tokens.

The shapes are those of the experiment, the values are nothing: no data is needed. The first steps,
which allocate and choose kernels, are not counted.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tasks import families, objectives, problems
from tasks.contract import Silent
from tasks.data.text.drawing import Drawing, ExampleBatches
from tasks.data.text.length_buckets import BucketedBatches, Example
from tasks.experiment.model import Model
from tasks.experiment.pretraining import Pretraining
from tasks.experiment.problem import FineTuning
from tasks.models.bodies import answers_of
from tasks.models.building import new_model
from tasks.models.continuing import given_configuration
from tasks.models.learning.measuring import measure
from tasks.models.learning.tuning import optimization as finetuning_optimization
from tasks.stages.finetuning import computation as finetuning_computation
from tasks.stages.pretraining import (
    QUICK_SEQUENCES,
    TOKENS_AT_ONCE,
    VALIDATIONS,
    computation,
    optimization,
)
from tasks.timing.stopwatch import MEASURED, WARM_UP, Stopwatch, parts_of, seconds_of
from tasks.timing.synthetic import MadeUpTokenizer, made_up_corpus
from tasks.training.loop import autocast, train
from tasks.tuning import begin

LABELS = problems.MADE_UP_LABELS


@dataclass(frozen=True)
class Cost:
    """Seconds on this machine.

    Attributes:
        step: of an optimizer step.
        row: of a row that is validated.
        once: of an example that a frozen encoder reads once, in a probe.
        parts: that a batch is computed in: what fits into the memory, or `micro_batch_size`.
    """

    step: float
    row: float
    once: float = 0.0
    parts: int = 1

    def of_pretraining(self, pretraining: Pretraining, begun: int = 0) -> float:
        """Seconds of a pre-training from step `begun` to its end, with its validations."""
        steps = self.step * pretraining.steps
        if pretraining.minutes:
            steps = min(steps, 60 * pretraining.minutes)
        left = max(0.0, 1 - self.step * begun / steps)
        quick = min(QUICK_SEQUENCES, pretraining.validation_sequences)
        validated = left * VALIDATIONS * quick + pretraining.validation_sequences
        return left * steps + self.row * validated

    def of_finetuning(self, training: FineTuning, examples: int, validation: int) -> float:
        """Seconds of a whole fine-tuning, each validation of so many examples, to its last step."""
        steps = training.epochs * -(-examples // training.batch_size)
        validations = min(training.epochs, VALIDATIONS)
        read = self.once * (examples + validation)
        return self.step * steps + self.row * validations * validation + read


def time_pretraining(model: Model | Path, pretraining: Pretraining, vocabulary: int) -> Cost:
    """The cost of pre-training, with a vocabulary of this size.

    `model` is the size of an encoder, or the folder of the one to start from.
    """
    tokenizer = MadeUpTokenizer(vocabulary)
    objective = objectives.load(pretraining.objective)
    length, size = pretraining.sequence_length, pretraining.batch_size
    drawing = Drawing(length=length, masking_share=pretraining.masking_share, seed=0)
    known = tokenizer.vocabulary()
    examples = objective.examples(made_up_corpus(size * length, known), known, drawing)
    batches = ExampleBatches(examples, WARM_UP + MEASURED, size, seed=0)
    config = _configuration(model, tokenizer, pretraining.dropout)
    body = objective.new_model(config, seed=0)
    watch = Stopwatch()
    how = computation(objective, body, batches[0], pretraining)
    train(body, batches, optimization(pretraining, 0), objective.losses, watch, computation=how)
    rows = max(1, TOKENS_AT_ONCE // length)
    batch = ExampleBatches(examples, 1, rows, seed=0)[0]
    with torch.no_grad(), autocast(pretraining.precision):
        validated = seconds_of(lambda: measure(objective, body, [batch]))
    return Cost(watch.seconds(), validated / rows, parts=parts_of(how, size))


def time_finetuning(
    problem: str,
    model: Model | Path,
    training: FineTuning,
    vocabulary: int,
    lengths: Sequence[int],
    *,
    number: int = 0,
) -> Cost:
    """What fine-tuning costs on examples of such lengths, in tokens; `model` as above.

    `number` is that of all examples, those to validate on too: a probe keeps features of all, if
    they fit; 0: no more than are measured.
    """
    kind, tokenizer = problems.load(problem), MadeUpTokenizer(vocabulary)
    config = _configuration(model, tokenizer, training.dropout)
    labels = [str(i) for i in range(LABELS)] if problems.shape_of(problem).LABELS else []
    config.update(answers_of(kind, labels))
    tuned = new_model(kind.AUTO_MODEL, config, seed=0)
    way = begin(tuned, training, seed=0)
    steps = WARM_UP + MEASURED
    many = [lengths[i % len(lengths)] for i in range(steps * training.batch_size)]
    examples: list[Example] = [kind.made_up(length) for length in many]
    begun = time.perf_counter()
    kind = way.solving(kind, examples, training.precision, Silent(), number=number) or kind
    once = 0.0 if way.computes else (time.perf_counter() - begun) / len(examples)
    batches = BucketedBatches(
        examples,
        lambda chosen: kind.collate(chosen, tokenizer.pad_token_id),
        batch_size=training.batch_size,
        epochs=1,
        seed=0,
    )
    watch = Stopwatch()
    how = finetuning_computation(kind, tuned, examples, training)
    how_to = finetuning_optimization(training, steps, 0)
    train(tuned, batches, how_to, kind.loss, watch, computation=how)
    batch = {name: part.to(tuned.device) for name, part in batches[0].items()}
    with torch.no_grad(), autocast(training.precision):
        validated = seconds_of(lambda: float(kind.loss(tuned, batch)))
    rows = len(batch["input_ids"])
    return Cost(watch.seconds(), validated / rows, once, parts_of(how, rows))


def _configuration(model: Model | Path, tokenizer: MadeUpTokenizer, dropout: float) -> Any:
    if isinstance(model, Path):
        return given_configuration(model, dropout, len(tokenizer))
    return families.load(model.family).configure(model, tokenizer, dropout)
