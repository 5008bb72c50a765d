"""The recipes of the parts of an experiment on images, on their own.

Fine-tuning alone needs none: it is an experiment with `start`, without a step of pre-training.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.recipes import image_stages as stages
from flows.recipes.given_images import about_given, require_family
from flows.recipes.images import prepare, pretrain_alone, source_of, store
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.images.problem import ImageDownstream
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.call import StageCaller
from tasks.models.files import require_head
from tasks.models.images.reader_file import read_pixels

if TYPE_CHECKING:
    from tasks.references.given_model import Given


def pretraining_recipe(experiment: ImageExperiment, run: StageCaller) -> Artifact:
    """Pre-train a model; returns the artifact of its pre-training."""
    return pretrain_alone(experiment, run)


def evaluation_recipe(
    experiment: ImageExperiment, problem: ImageDownstream, model: Given, run: StageCaller
) -> Artifact:
    """Evaluate a fine-tuned model on a test split, at the size that it reads; returns the report.

    Args:
        experiment: whose seeds and intervals count.
        problem: what is predicted, and on which pictures.
        model: the model.
        run: calls a stage.
    """
    require_family(model, "MODEL")
    require_head(problem.kind, model.configuration, model.name)
    sized = experiment.model_copy(update={"pixels": read_pixels(model.model.path)})
    source = source_of(problem.source, f"{problem.part}.source")
    images = prepare(problem, source, sized, run)
    data = store(problem, source, images, sized, run)
    model.require_labels(images)
    table = stages.on_images(problem.kind)
    evaluated = run(
        table.evaluation(problem.kind),
        problem.name,
        problem=problem.kind,
        bootstrap_samples=experiment.evaluation.bootstrap_samples,
        confidence=experiment.evaluation.confidence,
        seed=experiment.seed,
        data=data.whole.only(*table.evaluated),
        model=model.model,
        from_scratch=None,
    )
    about = about_given(model, [problem.name], [images], run)
    return run(
        stages.REPORT,
        name=experiment.name,
        problems=[problem.name],
        confidence=experiment.evaluation.confidence,
        pretraining=None,
        evaluations=[evaluated.whole],
        **about | {"origin": model.origin},
    )
