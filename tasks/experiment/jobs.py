"""The parts of an experiment on their own: pre-train an encoder, fine-tune one, evaluate a model.

They have the fields of the experiment, so that files and forms are alike, and their stages get the
same arguments, so that they share the cache with whole experiments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from tasks.experiment.consistency import window_mistakes
from tasks.experiment.corpus import Corpus
from tasks.experiment.experiment import REFERENCE, Evaluation, Experiment
from tasks.experiment.fields import Part, as_in, field
from tasks.experiment.mistakes import InvalidExperimentError, check, check_fields, refuse
from tasks.experiment.model import Model
from tasks.experiment.pretraining import Checkpoints, Pretraining
from tasks.experiment.problem import Downstream, LabelledData
from tasks.experiment.renamed import Whole
from tasks.experiment.tokenizer import TokenizerChoice

# A name of a registered model in MLflow: a mistake is found before the training.
REGISTERED, LONGEST_NAME = r"^[^/:'\"\\]*$", 100


class PretrainJob(Whole):
    """Which text, tokenizer and model, and how to pre-train it."""

    name: str = as_in(Experiment, "name", default="pretraining")
    variant: str = as_in(Experiment, "variant")
    seed: int = as_in(Experiment, "seed")
    split_seed: int = as_in(Experiment, "split_seed")
    start: str = as_in(Experiment, "start")
    corpus: Corpus = as_in(Experiment, "corpus")
    tokenizer: TokenizerChoice = as_in(Experiment, "tokenizer")
    model: Model = as_in(Experiment, "model")
    pretraining: Pretraining = as_in(Experiment, "pretraining")
    held_out: list[LabelledData] = field(
        [], "Held out", "Labelled data whose test documents are excluded from pre-training"
    )
    register_as: str = field(
        "",
        "Register as",
        "Registered model in MLflow that gets the encoder as a new version; empty: none",
        in_key=False,
        pattern=REGISTERED,
        max_length=LONGEST_NAME,
    )
    checkpoints: Checkpoints = as_in(Experiment, "checkpoints")

    @classmethod
    def of(cls, whole: Experiment, register_as: str = "") -> PretrainJob:
        """The pre-training of an experiment, which holds out its downstream problems."""
        held_out = [problem.data for problem in whole.downstream]
        return cls(**_shared(whole, cls), held_out=held_out, register_as=register_as)

    @property
    def experiment(self) -> Experiment:
        """An experiment with only these fields set."""
        return Experiment(**_shared(self, Experiment))


class FinetuneJob(Whole):
    """Which pre-trained model, and what to fine-tune it on."""

    body: str = field(..., "Pre-trained model", f"The pre-trained model: {REFERENCE}", min_length=1)
    name: str = as_in(Experiment, "name", default="finetuning")
    variant: str = as_in(Experiment, "variant")
    seed: int = as_in(Experiment, "seed")
    split_seed: int = as_in(Experiment, "split_seed")
    downstream: list[Downstream] = as_in(Experiment, "downstream", default=[Downstream()])
    evaluation: Evaluation = as_in(Experiment, "evaluation")
    checkpoints: Checkpoints = as_in(Experiment, "checkpoints")

    @classmethod
    def of(cls, body: str, whole: Experiment, downstream: list[Downstream]) -> FinetuneJob:
        """The fine-tuning of an experiment, on some of its problems."""
        shared = {k: v for k, v in _shared(whole, cls).items() if k != "downstream"}
        return cls(body=body, downstream=downstream, **shared)

    @property
    def experiment(self) -> Experiment:
        """An experiment with only these fields set."""
        return Experiment(**_shared(self, Experiment))


class Intervals(Part):
    """How certain the results are."""

    bootstrap_samples: int = as_in(Evaluation, "bootstrap_samples")
    confidence: float = as_in(Evaluation, "confidence")


class EvaluateJob(Whole):
    """Which fine-tuned model, and the labelled data on whose test split it is measured."""

    model: str = field(..., "Model", f"The fine-tuned model: {REFERENCE}", min_length=1)
    name: str = as_in(Experiment, "name", default="evaluation")
    variant: str = as_in(Experiment, "variant")
    seed: int = as_in(
        Experiment,
        "seed",
        description="Seed of the resamples of intervals",
    )
    split_seed: int = as_in(
        Experiment,
        "split_seed",
        description="Seed of the split, if the data have no test split of their own; use that of "
        "the model's experiment, or the model is tested on its training data",
    )
    data: LabelledData = field(
        LabelledData(), "Data", "Labelled data with the test split to evaluate on"
    )
    evaluation: Intervals = field(Intervals(), "Evaluation", "How the results are measured")

    @classmethod
    def of(cls, model: str, whole: Experiment, problem: Downstream) -> EvaluateJob:
        """The evaluation of an experiment, on the test split of one of its problems."""
        intervals = Intervals(**_shared(whole.evaluation, Intervals))
        same = {name: getattr(whole, name) for name in ("name", "variant", "seed", "split_seed")}
        return cls(model=model, data=problem.data, evaluation=intervals, **same)

    @property
    def experiment(self) -> Experiment:
        """An experiment with the same seeds and name."""
        seeds = {"seed": self.seed, "split_seed": self.split_seed}
        return Experiment.model_validate({"name": self.name, **seeds})


def _shared(given: Part, wanted: type[Part]) -> dict[str, Any]:
    """The values of the fields that another model has too."""
    names = type(given).model_fields.keys() & wanted.model_fields.keys()
    return {name: getattr(given, name) for name in names}


def require_steps(steps: int) -> None:
    """Check that a pre-training on its own has a step.

    Raises:
        InvalidExperimentError: it has none.
    """
    if not steps:
        raise InvalidExperimentError(["pretraining.steps: found 0; accepted: at least 1"])


def check_pretraining(job: PretrainJob) -> None:
    """Check the fields of a pre-training together.

    Raises:
        InvalidExperimentError: with one line per mistake.
    """
    require_steps(job.pretraining.steps)
    check(job.experiment)
    check_fields(job)
    _require_names("held_out", job.held_out)


def check_finetuning(job: FinetuneJob) -> None:
    """Check the fields of a fine-tuning together.

    Raises:
        InvalidExperimentError: with one line per mistake.
    """
    if not job.downstream:
        raise InvalidExperimentError(
            ["downstream: found no problem; accepted: at least one to fine-tune on"]
        )
    check_fields(job)
    refuse(window_mistakes(job.downstream))
    _require_names("downstream", job.downstream)


def check_evaluation(job: EvaluateJob) -> None:
    """Check the fields of an evaluation together.

    Raises:
        InvalidExperimentError: with one line per mistake.
    """
    check_fields(job)


def _require_names(part: str, listed: Sequence[LabelledData]) -> None:
    counts = Counter(data.name for data in listed)
    twice = [
        f"{part}.{number}.name: {data.name} is the name of {counts[data.name]}; each needs its own"
        for number, data in enumerate(listed)
        if counts[data.name] > 1
    ]
    if twice:
        raise InvalidExperimentError(twice)
