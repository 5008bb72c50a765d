"""The experiment: one Pydantic model, read everywhere.

The YAML file, the parameter of the flow, the form in the Prefect UI, `--set` on the command line,
the cache keys and the parameters in MLflow all use this model. So every field has a type, bounds, a
default, a title and a description with its unit. A variant is a choice, because forms show a union
as a box of raw JSON. A field that counts only with some variants says so (`variants.py`).

`in_key=False` marks a field that cannot change a result (or whose content enters the key in another
way, such as the digest of the data behind `source`); changing it re-runs nothing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tasks.experiment import choices
from tasks.experiment.corpus import Corpus
from tasks.experiment.fields import NAME_PATTERN, Part, field
from tasks.experiment.model import Model
from tasks.experiment.pretraining import NEW, Checkpoints, Pretraining
from tasks.experiment.problem import Downstream
from tasks.experiment.renamed import Whole
from tasks.experiment.tokenizer import Tokenizer, TokenizerChoice

REFERENCE = (
    "models:/NAME@ALIAS, models:/NAME/VERSION or models:/m-… in MLflow, runs:/ID, the path of a "
    "folder, or hf:NAME[@REVISION] on the Hugging Face Hub"
)


BEFORE = "start"  # the baseline before pre-training continued
TEMPERATURE = "temperature"  # the way of calibration


class Evaluation(Part):
    """How the results are measured."""

    from_scratch: bool = field(
        True,
        "From scratch",
        "Also fine-tune the model from random weights, to measure the gain of pre-training",
    )
    simple_baseline: bool = field(
        True,
        "Simple baseline",
        "Also train the field's simple model on the same rows, if the problem has one (such as "
        "logistic regression on counted words), to measure what the encoder gains over it",
    )
    baseline: Literal["none", "start"] = field(
        "none",
        "Baseline",
        "start also fine-tunes the model of `start` as it is, to measure what continuing its "
        "pre-training on this text gains; only with `start` and steps of pre-training",
    )
    bootstrap_samples: int = field(
        2000,
        "Bootstrap samples",
        "Resamples of the test split behind each interval",
        ge=100,
        le=1_000_000,
    )
    confidence: float = field(0.95, "Confidence", "Coverage of the intervals", ge=0.5, lt=1)
    seeds: int = field(
        1,
        "Seeds",
        "Fine-tunings of each problem, with the seeds seed, seed + 1, …, of the model from scratch "
        "too; mean and spread over them are reported beside the intervals of the first",
        ge=1,
        le=100,
        absent=1,
    )
    learning_curve: list[Annotated[float, Field(gt=0, le=1)]] = field(
        [],
        "Learning curve",
        "Shares of the labels (such as 0.01, 0.03, 0.1, 0.3, 1) to fine-tune with as well, "
        "pre-trained and from scratch: how many labels is pre-training worth? Each is nested in "
        "the next; all labels (1) are always the last point. Validation labels are not counted: "
        "every point uses all of them",
        absent=[],
        max_length=20,
    )
    mislabelled: bool = field(
        False,
        "Mislabelled",
        "Also look for rows whose label is probably wrong, by the field's simple model on rows "
        "that it was not trained on: a table to correct; of classifications",
        absent=False,
    )
    near_duplicates: bool = field(
        False,
        "Near-duplicates",
        "Also look for test rows of which at least half is in a training or validation row, and "
        "measure the result without them",
        absent=False,
    )
    forgetting: bool = field(
        False,
        "Forgetting",
        "Also measure the loss of the pre-training after fine-tuning, on held-out text; of a model "
        "that is pre-trained in the same run",
        absent=False,
    )
    calibration: Literal["none", "temperature"] = field(
        "none",
        "Calibration",
        "temperature makes probabilities as sure as they are right, by one number that is chosen "
        "on validation, and says how many answers reach the wanted accuracy; of classifications",
        absent="none",
    )
    wanted_accuracy: float = field(
        0.95,
        "Wanted accuracy",
        "Accuracy of the answers that are given, for which the lowest probability is chosen on "
        "validation; the others are left to a person",
        gt=0,
        le=1,
        absent=0.95,
        only_with={"calibration": (TEMPERATURE,)},
    )
    explain: list[str] = field(
        [],
        "Explain",
        "Ways of explaining answers to test rows: which words of a text, or regions of a picture, "
        "speak for them. All are checked: whether they sum up, against random orders, and against "
        "a model of random weights. Of all problems but generation, detection and segmentation",
        several_of=choices.names("explanations"),
        absent=[],
    )
    explained_rows: int = field(
        200,
        "Explained rows",
        "Test rows, drawn at random, behind the sums and the checks of `explain`",
        ge=10,
        le=100_000,
    )
    explained_mistakes: int = field(
        20,
        "Explained mistakes",
        "Wrong answers that `explain` shows, the surest first",
        ge=0,
        le=1000,
    )
    probe_layers: bool = field(
        False,
        "Probe layers",
        "Also fit a linear model on the features of each layer of the encoder, and of one with "
        "random weights: which layer has the answer? Of problems with one label or number a row",
        absent=False,
    )


class Experiment(Whole):
    """Which text, tokenizer and model, how to pre-train it, and what to fine-tune it on."""

    name: str = field(
        "experiment",
        "Name",
        "Name of the experiment in MLflow; runs of one name are compared side by side",
        in_key=False,
        pattern=NAME_PATTERN,
        max_length=80,
    )
    variant: str = field(
        "",
        "Variant",
        "What the run's name begins with, to distinguish it from other runs; `--set` adds its "
        "changes to it; change it when you copy a run",
        in_key=False,
        pattern=r"^[^\x00-\x1f]*$",
        max_length=200,
    )
    seed: int = field(
        0,
        "Seed",
        "Seed of training (weights, order, masks, dropout), of the choice of `train_examples`, "
        "and of the resamples of intervals",
        ge=0,
        lt=2**31,
    )
    split_seed: int = field(
        0,
        "Split seed",
        "Seed of the split of rows and documents, if the data have no splits of their own; "
        "separate from `seed`, so that models of several seeds use the same test rows",
        ge=0,
        lt=2**31,
    )
    start: str = field(
        "",
        "Start",
        f"Pre-trained model to start from, with its tokenizer: {REFERENCE}; a LoRA adapter of peft "
        "there is merged into the model that it names. Pre-training continues from it; with "
        "pretraining.steps 0 it is fine-tuned at once, without a corpus. Empty starts from random "
        "weights",
        in_key=False,
        max_length=1000,
    )
    corpus: Corpus = Field(Corpus(), title="Corpus", description="The text to pre-train on")
    tokenizer: TokenizerChoice = field(
        TokenizerChoice(), "Tokenizer", "How text becomes tokens", only_with=NEW
    )
    model: Model = field(Model(), "Model", "The encoder that is trained", only_with=NEW)
    pretraining: Pretraining = Field(
        Pretraining(), title="Pre-training", description="How the encoder is pre-trained on text"
    )
    downstream: list[Downstream] = Field(
        [], title="Downstream problems", description="Problems with labels to fine-tune on"
    )
    evaluation: Evaluation = Field(
        Evaluation(), title="Evaluation", description="How the results are measured"
    )
    checkpoints: Checkpoints = Field(
        Checkpoints(),
        title="Checkpoints",
        description="How often a training writes a checkpoint; changes no result",
    )

    @property
    def settled_tokenizer(self) -> Tokenizer:
        """The tokenizer, with what is chosen for the family of the model."""
        return self.tokenizer.settled(self.model.family)

    @property
    def settled(self) -> Experiment:
        """The same with a settled tokenizer, as its parameters are shown."""
        return self.model_copy(update={"tokenizer": self.settled_tokenizer})
