"""The experiment on images: one Pydantic model, read everywhere, as `Experiment` is for text."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tasks.experiment.experiment import REFERENCE, Evaluation, Experiment
from tasks.experiment.fields import Part, as_in, field
from tasks.experiment.images.model import ImageModel
from tasks.experiment.images.pictures import Images, Pixels
from tasks.experiment.images.problem import ImageDownstream
from tasks.experiment.images.training import ImagePretraining
from tasks.experiment.pretraining import NEW, Checkpoints

SECTIONS = ("images", "pixels")  # a file with one of these is an experiment on images


class ImageEvaluation(Part):
    """How the results are measured."""

    from_scratch: bool = as_in(Evaluation, "from_scratch")
    simple_baseline: bool = as_in(
        Evaluation,
        "simple_baseline",
        description="Also train the field's simple model on the same pictures (logistic regression "
        "on small grey pixels), to measure what the model gains over it",
    )
    baseline: Literal["none", "start"] = as_in(
        Evaluation,
        "baseline",
        description="start also fine-tunes the model of `start` as it is, to measure what "
        "continuing its pre-training on these pictures gains; only with `start` and steps of "
        "pre-training",
    )
    bootstrap_samples: int = as_in(Evaluation, "bootstrap_samples")
    confidence: float = as_in(Evaluation, "confidence")
    seeds: int = as_in(Evaluation, "seeds")
    learning_curve: list[Annotated[float, Field(gt=0, le=1)]] = as_in(Evaluation, "learning_curve")
    mislabelled: bool = as_in(Evaluation, "mislabelled")
    calibration: Literal["none", "temperature"] = as_in(Evaluation, "calibration")
    wanted_accuracy: float = as_in(Evaluation, "wanted_accuracy")
    explain: list[str] = as_in(Evaluation, "explain")
    explained_rows: int = as_in(Evaluation, "explained_rows")
    explained_mistakes: int = as_in(Evaluation, "explained_mistakes")
    probe_layers: bool = as_in(Evaluation, "probe_layers")


class ImageExperiment(Part):
    """Which pictures and model, how to pre-train it, and what to fine-tune it on."""

    name: str = as_in(Experiment, "name", default="images")
    variant: str = as_in(Experiment, "variant")
    seed: int = as_in(
        Experiment,
        "seed",
        description="Seed of training (weights, order, augmentation, dropout), of the choice of "
        "`train_examples`, and of resamples",
    )
    split_seed: int = as_in(Experiment, "split_seed")
    start: str = as_in(
        Experiment,
        "start",
        description=f"Pre-trained model to start from, with its image processor: {REFERENCE}. "
        "It reads pictures of `pixels.size`. Pre-training continues from it; with "
        "pretraining.steps 0 it is fine-tuned at once, without `images`. Empty starts from random "
        "weights",
    )
    images: Images = Field(Images(), title="Images", description="The pictures to pre-train on")
    pixels: Pixels = Field(Pixels(), title="Pixels", description="How pictures become numbers")
    model: ImageModel = field(ImageModel(), "Model", "The model that is trained", only_with=NEW)
    pretraining: ImagePretraining = Field(
        ImagePretraining(),
        title="Pre-training",
        description="How the model is pre-trained on pictures",
    )
    downstream: list[ImageDownstream] = Field(
        [], title="Downstream problems", description="Problems with labels to fine-tune on"
    )
    evaluation: ImageEvaluation = Field(
        ImageEvaluation(), title="Evaluation", description="How the results are measured"
    )
    checkpoints: Checkpoints = as_in(Experiment, "checkpoints")
