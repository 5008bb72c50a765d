"""The numbers that follow from an experiment and its plan, before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.experiment.experiment import Experiment
from tasks.machinery.execution.planner import PendingInput
from tasks.timing.fitting import parameters_of
from tasks.timing.planner import TimedPlanner


@dataclass(frozen=True)
class Derived:
    """The numbers of a pre-training.

    Attributes:
        layers: of the model; this and the next four are 0 of a model to start from.
        hidden_size: width of the hidden states.
        heads: of each layer.
        intermediate_size: width of the feed-forward layer; 0: the usual one.
        parameters: about how many the encoder has.
        vocabulary: tokens that have embeddings; `at_most` before the tokenizer is trained.
        tokens_a_step: read in a step of the optimizer, padding included.
        tokens: read in all steps.
        corpus: tokens of the corpus; None before it is tokenized.
        at_most: whether the vocabulary may be smaller.
        tokenizer: how it is trained, in words; "" of one that is given.
    """

    layers: int
    hidden_size: int
    heads: int
    intermediate_size: int
    parameters: int
    vocabulary: int
    tokens_a_step: int
    tokens: int
    corpus: int | None
    at_most: bool
    tokenizer: str = ""

    @property
    def passes(self) -> float | None:
        """Passes over the corpus; None before it is tokenized."""
        return self.tokens / self.corpus if self.corpus else None


def derived(experiment: Experiment, planner: TimedPlanner) -> Derived | None:
    """The numbers of an experiment's pre-training; None if it has none."""
    given = next((a for step, a in planner.calls if step.name == "pretraining"), None)
    if given is None:
        return None
    pretraining, model = experiment.pretraining, experiment.model
    known = _known(given["tokenizer"], "vocabulary")
    vocabulary = int(known or experiment.tokenizer.vocab_size)
    corpus = _known(given["tokens"], "tokens")
    a_step = pretraining.batch_size * pretraining.sequence_length
    of_model = {"layers": 0, "hidden_size": 0, "heads": 0, "intermediate_size": 0, "parameters": 0}
    if not experiment.start:
        of_model = {name: getattr(model, name) for name in of_model if name != "parameters"}
        of_model["parameters"] = parameters_of(model, vocabulary)
    return Derived(
        **of_model,
        vocabulary=vocabulary,
        tokens_a_step=a_step,
        tokens=a_step * pretraining.steps,
        corpus=None if corpus is None else int(corpus),
        at_most=known is None and not experiment.tokenizer.published,
        tokenizer=_tokenizer(experiment),
    )


def _tokenizer(experiment: Experiment) -> str:
    """How the tokenizer is trained, and what of it the family decides."""
    if experiment.start or experiment.tokenizer.published:
        return ""
    chosen, settled = experiment.tokenizer, experiment.settled_tokenizer
    said = f"{settled.algorithm}, {'case is folded' if settled.lowercase else 'case is kept'}"
    fields = (("algorithm", chosen.algorithm), ("lowercase", chosen.lowercase))
    auto = " and ".join(name for name, value in fields if value == "auto")
    return f"{said} (auto {auto}, as model.family is {experiment.model.family})" if auto else said


def lines_of(found: Derived) -> list[str]:
    """The numbers in words."""
    lines = [f"tokenizer: {found.tokenizer}"] if found.tokenizer else []
    if found.parameters:
        inner = f", feed-forward {found.intermediate_size:,}" if found.intermediate_size else ""
        least = "at most " * found.at_most
        lines.append(
            f"model: {found.layers} layers of {found.hidden_size:,}, {found.heads} heads{inner}; "
            f"about {short(found.parameters)} parameters with {least}{found.vocabulary:,} tokens"
        )
    passes = "passes over the corpus are known once it is tokenized"
    if found.passes is not None and found.corpus is not None:
        passes = f"{found.passes:.3g} passes over the corpus of {short(found.corpus)}"
    read = f"{found.tokens_a_step:,} tokens a step, {short(found.tokens)} in all"
    lines.append(f"pre-training: {read}; {passes}")
    return lines


def short(number: int) -> str:
    """`4.4 M`, `950`."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if number >= size:
            return f"{number / size:.3g} {unit}"
    return str(number)


def _known(given: Any, name: str) -> float | None:
    """A metric of an artifact that exists already."""
    if isinstance(given, PendingInput):
        return None
    metrics: Mapping[str, float] = given.artifact.metrics
    return metrics.get(name)
