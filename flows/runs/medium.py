"""What a retraining needs to know of an experiment, on text or on images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from flows.recipes import image_stages, stages
from flows.recipes.experiment import recipe as recipe_of_texts
from flows.recipes.images import recipe as recipe_of_images
from flows.recipes.stages import Table
from flows.runs.experiment import work_of as work_on_texts
from flows.runs.images import work_of as work_on_images
from flows.runs.work import Recipe
from tasks.experiment.experiment import Experiment
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.images.problem import ImageDownstream
from tasks.experiment.problem import Downstream
from tasks.machinery.execution.session import Work
from tasks.machinery.naming.title import Title

AnyExperiment = Experiment | ImageExperiment
AnyProblem = Downstream | ImageDownstream


@dataclass(frozen=True)
class Medium:
    """How an experiment on text, or one on images, is run.

    Attributes:
        recipe: of its stages.
        work_of: what it is called in lists.
        unlabelled: the stage of what is read to pre-train on.
        labelled: the stage of what fine-tuning and evaluation read.
        prepared: the stage that splits it.
        table: the stages of a problem, and what they read.
    """

    recipe: Callable[[Any, Any], Any]
    work_of: Callable[[Any], Work]
    unlabelled: str
    labelled: str
    prepared: str
    table: Callable[[str], Table]

    def stages_of(self, experiment: AnyExperiment) -> Recipe:
        """The recipe of an experiment."""
        return partial(self.recipe, experiment)

    def titles(self, problem: AnyProblem) -> tuple[Title, Title]:
        """The stages whose artifacts are judged: the data and the model."""
        return Title(self.labelled, problem.name), Title("finetuning", problem.name)


TEXTS = Medium(
    recipe_of_texts, work_on_texts, "corpus", "dataset", "dataset", lambda _problem: stages.ON_TEXT
)
IMAGES = Medium(
    recipe_of_images, work_on_images, "images", "pixels", "images", image_stages.on_images
)


def medium_of(experiment: AnyExperiment) -> Medium:
    """That of an experiment."""
    return IMAGES if isinstance(experiment, ImageExperiment) else TEXTS
