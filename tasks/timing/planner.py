"""Estimating the time of a plan: the measured cost of a step times the number of steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tasks.contract import Stage
from tasks.experiment.experiment import Experiment
from tasks.experiment.model import Model
from tasks.experiment.problem import FineTuning
from tasks.machinery.execution.planner import PendingInput, Planner, Step
from tasks.machinery.naming.title import Title
from tasks.machinery.store.artifact import Artifact

SAMPLE = 512  # rows whose lengths are measured
TRAININGS = {"pretraining": "pretraining", "finetuning": "training"}  # fields: how each trains
_UNKNOWN_ROWS = (
    "how many rows it has is known once its data are prepared; with train_examples, it is now"
)
_UNKNOWN_LENGTHS = (
    "the lengths of its rows are known once data and tokenizer are there; each counts as the "
    "longest"
)


@dataclass(frozen=True)
class Expected:
    """The estimated time of a stage.

    Attributes:
        seconds: None if unknown.
        at_most: the estimate is an upper bound.
        missing: what is unknown, as text.
        parts: that a batch is computed in: what fits into the memory, or `micro_batch_size`.
    """

    seconds: float | None
    at_most: bool = False
    missing: str = ""
    parts: int = 1


@dataclass
class TimedPlanner(Planner):
    """A planner that records the calls.

    Attributes:
        calls: the steps, with the arguments of their stages.
        unread: what of the sources is not read before the stages run, in sentences.
        counts: of rows that are read already, the metrics of the stage that will prepare them, by
            the title of its step.
    """

    calls: list[tuple[Step, dict[str, Any]]] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    counts: dict[str, dict[str, float]] = field(default_factory=dict)

    def __call__(self, stage: Stage, label: str = "", /, **arguments: Any) -> Artifact:
        """Add the stage to the plan."""
        artifact = super().__call__(stage, label, **arguments)
        self.calls.append((self.steps[-1], arguments))
        return artifact

    def expected(
        self, experiment: Experiment, say: Callable[[str], None] = lambda _: None
    ) -> dict[str, Expected]:
        """The estimated time of each stage that would run, by its title.

        Args:
            experiment: that is planned.
            say: receives which training is measured: each takes seconds.
        """
        vocabulary = self._vocabulary(experiment)
        found: dict[str, Expected] = {}
        costs: dict[tuple[str, FineTuning], Expected] = {}
        for step, arguments in self.calls:
            if step.state == "cached":
                continue
            too_large = self._why_too_large(experiment, step, arguments, vocabulary)
            if too_large:
                found[step.title] = Expected(None, missing=too_large)
            elif step.name == "pretraining":
                say(f"measuring some steps of {step.title} …")
                model = self._model(experiment)
                found[step.title] = _of_pretraining(model, arguments, vocabulary, step.begun)
            elif step.name == "finetuning":  # from scratch it costs the same, if tuned in full
                same = Title.parse(step.title).problem, arguments["training"]
                if same not in costs:
                    say(f"measuring some steps of {step.title} …")
                    costs[same] = self._of_finetuning(experiment, arguments, vocabulary)
                found[step.title] = costs[same]
            else:
                found[step.title] = Expected(
                    step.seconds, missing="" if step.seconds else "never computed here"
                )
        return found

    def _why_too_large(
        self, experiment: Experiment, step: Step, arguments: Mapping[str, Any], vocabulary: int
    ) -> str:
        """Why the model cannot be trained so here; empty if it can, or if nothing is trained."""
        from tasks.timing.fitting import copies_of, why_too_large

        if step.name not in TRAININGS:
            return ""
        training = arguments[TRAININGS[step.name]]
        return why_too_large(self._model(experiment), vocabulary, copies_of(training))

    def _vocabulary(self, experiment: Experiment) -> int:
        """The vocabulary size of the tokenizer if it exists, else that of the experiment."""
        tokenizer = self._tokenizer()
        return len(tokenizer) if tokenizer is not None else experiment.tokenizer.vocab_size

    def _tokenizer(self) -> Any:
        from tasks.data.text.token_arrays import load_tokenizer

        read = {"tokens": "tokenizer", "finetuning": "architecture"}  # the second: no pre-training
        given = next(a[read[step.name]] for step, a in self.calls if step.name in read)
        return None if isinstance(given, PendingInput) else load_tokenizer(given.path)

    def _model(self, experiment: Experiment) -> Model | Path:
        """The size of the encoder, or the folder of the model that it starts from."""
        read = {"pretraining": "start", "finetuning": "architecture"}
        given = next((a.get(read[step.name]) for step, a in self.calls if step.name in read), None)
        return given.path if experiment.start and given is not None else experiment.model

    def _of_finetuning(
        self, experiment: Experiment, arguments: Mapping[str, Any], vocabulary: int
    ) -> Expected:
        from tasks.stages.finetuning import VALIDATION_ROWS
        from tasks.timing.steps import time_finetuning

        training, data = arguments["training"], arguments["data"]
        pending = isinstance(data, PendingInput)
        known = self.counts.get(data.artifact.facts["title"]) if pending else data.artifact.metrics
        if not known and not training.train_examples:
            return Expected(None, missing=_UNKNOWN_ROWS)
        known = known or {}
        lengths, share = self._lengths(arguments)
        examples = int(known.get("train_rows", training.train_examples))
        examples = min(examples, training.train_examples or examples)
        validation = int(known.get("validation_rows", examples))
        validation = min(validation, VALIDATION_ROWS)
        read, validated = (math.ceil(share * count) for count in (examples, validation))
        cost = time_finetuning(
            arguments["problem"],
            self._model(experiment),
            training,
            vocabulary,
            lengths or [training.max_length],
            number=read + validated,
        )
        missing = "" if lengths else _UNKNOWN_LENGTHS
        seconds = cost.of_finetuning(training, read, validated)
        return Expected(seconds, not lengths, missing, cost.parts)

    def _lengths(self, arguments: Mapping[str, Any]) -> tuple[list[int], float]:
        """Token counts of the examples of some rows, and how many examples a row has.

        Empty before the data and the tokenizer exist; then one example a row is assumed.
        """
        import json

        from tasks.data.chosen_rows import choose_rows
        from tasks.problems import load

        tokenizer, data = self._tokenizer(), arguments["data"]
        if tokenizer is None or isinstance(data, PendingInput):
            return [], 1.0
        kind = load(arguments["problem"])
        tokenizer.model_max_length = arguments["training"].max_length
        train = data.path / "train.parquet"
        rows = choose_rows(train, kind.texts, SAMPLE, arguments["seed"])
        labels = json.loads((data.path / "labels.json").read_text(encoding="utf-8"))
        kind.configure(tokenizer, arguments["training"], train)
        examples = kind.encode(rows, tokenizer, labels)
        return [len(example.input_ids) for example in examples], len(examples) / len(rows)


def _of_pretraining(
    model: Model | Path, arguments: Mapping[str, Any], vocabulary: int, begun: int
) -> Expected:
    from tasks.timing.steps import time_pretraining

    pretraining = arguments["pretraining"]
    cost = time_pretraining(model, pretraining, vocabulary)
    return Expected(cost.of_pretraining(pretraining, begun), parts=cost.parts)
