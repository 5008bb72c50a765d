"""The recipe of an experiment on images, from files to a page of results.

Reads top to bottom, as the recipe of text does: labelled pictures come first, since pre-training
must not see a picture of their test splits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.recipes import image_stages as stages
from flows.recipes.experiment import finetune_and_evaluate, methods_of, train_baseline
from flows.recipes.further_tests import prepare_further_tests
from flows.recipes.generalization import require_possible
from flows.recipes.given_images import about_given, family_of, find_image_start
from flows.recipes.inspection import require_given
from flows.recipes.subject import findings_of
from tasks.experiment.experiment import BEFORE
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.images.pictures import Images
from tasks.experiment.images.problem import ImageDownstream
from tasks.machinery.store.artifact import Artifact, Input
from tasks.machinery.store.call import StageCaller
from tasks.models.images.reader_file import is_written_here, read_pixels
from tasks.problems.picture_rows import moves
from tasks.sources import Source
from tasks.sources.images import resolve

if TYPE_CHECKING:
    from tasks.references.given_model import Given

NEEDED = "the pictures: a folder, or a table of them"


def recipe(experiment: ImageExperiment, run: StageCaller) -> Artifact:
    """The whole chain; returns the report."""
    require_possible(experiment)
    labelled_sources = [
        source_of(problem.source, f"{problem.part}.source") for problem in experiment.downstream
    ]
    given = find_image_start(experiment)
    pretrains = experiment.pretraining.steps > 0
    source = source_of(experiment.images.source, "images.source") if pretrains else None
    family = experiment.model.family if given is None else family_of(given)
    start = None if given is None else _fit(given, family, experiment, run)
    pairs = list(zip(experiment.downstream, labelled_sources, strict=True))
    prepared = [prepare(problem, found, experiment, run) for problem, found in pairs]
    stored = [
        store(problem, found, images, experiment, run)
        for (problem, found), images in zip(pairs, prepared, strict=True)
    ]
    baselines = [
        train_baseline(problem, data, experiment, run, table=stages.on_images(problem.kind))
        for problem, data in zip(experiment.downstream, stored, strict=True)
    ]
    tests = [
        prepare_further_tests(problem, data, experiment, run, table=stages.on_images(problem.kind))
        for problem, data in zip(experiment.downstream, stored, strict=True)
    ]
    pretrained = None
    if source is not None:
        held_out = [images / "held_out.parquet" for images in prepared]
        pretrained = _pretrain(experiment, source, held_out, run, family=family, start=start)
    body = start if pretrained is None else pretrained / "model"
    if body is None:
        raise ValueError("neither a pre-training nor a model to start from")
    before = start if experiment.evaluation.baseline == BEFORE else None
    evaluated = [
        finetune_and_evaluate(
            problem,
            data,
            body,
            experiment,
            run,
            simple=simple,
            family=family,
            start=before,
            tests=further,
            table=stages.on_images(problem.kind),
        )
        for problem, data, simple, further in zip(
            experiment.downstream, stored, baselines, tests, strict=True
        )
    ]
    names = [problem.name for problem in experiment.downstream]
    about_start = {} if given is None else about_given(given, names, prepared, run)
    return run(
        stages.REPORT,
        name=experiment.name,
        problems=names,
        confidence=experiment.evaluation.confidence,
        pretraining=None if pretrained is None else pretrained.whole,
        evaluations=[found.evaluation.whole for found in evaluated],
        **methods_of(experiment.downstream),
        **findings_of(evaluated),
        **about_start,
    )


def source_of(location: str, field: str) -> Source:
    """Where pictures are; a mistake names the field."""
    require_given(location, field, NEEDED)
    return resolve(location, field)


def pretrain_alone(experiment: ImageExperiment, run: StageCaller) -> Artifact:
    """The pre-training of an experiment, without the test pictures of its problems."""
    sources = [source_of(each.source, f"{each.part}.source") for each in experiment.downstream]
    given = find_image_start(experiment)
    source = source_of(experiment.images.source, "images.source")
    family = experiment.model.family if given is None else family_of(given)
    start = None if given is None else _fit(given, family, experiment, run)
    pairs = zip(experiment.downstream, sources, strict=True)
    prepared = [prepare(problem, found, experiment, run) for problem, found in pairs]
    held_out = [images / "held_out.parquet" for images in prepared]
    return _pretrain(experiment, source, held_out, run, family=family, start=start)


def _fit(given: Given, family: str, experiment: ImageExperiment, run: StageCaller) -> Input:
    """The model to start from, fitted to the pictures; as it is where it reads these already.

    So what was pre-trained here is the same input as within its own experiment.
    """
    folder = given.model.path
    if is_written_here(folder) and read_pixels(folder) == experiment.pixels:
        return given.model
    fitted = run(stages.start(family), pixels=experiment.pixels, family=family, start=given.model)
    return fitted / "model"


def prepare(
    problem: ImageDownstream, source: Source, experiment: ImageExperiment, run: StageCaller
) -> Artifact:
    """Labelled pictures, split by group."""
    return run(
        stages.images(source, problem.kind),
        problem.name,
        images=problem.data,
        source=source,
        held_out=[],
        seed=experiment.split_seed,
    )


def store(
    part: ImageDownstream | Images,
    source: Source,
    images: Artifact,
    experiment: ImageExperiment,
    run: StageCaller,
) -> Artifact:
    """The pictures that were split, as pixels; with their masks, if the problem has any."""
    problem = part.kind if isinstance(part, ImageDownstream) and moves(part.kind) else ""
    return run(
        stages.pixels(source, problem),
        part.name if isinstance(part, ImageDownstream) else "",
        **({"problem": problem} if problem else {}),
        pixels=experiment.pixels,
        columns=part.columns,
        source=source,
        images=images.whole.only("pictures.parquet", "labels.json"),
    )


def _pretrain(
    experiment: ImageExperiment,
    source: Source,
    held_out: list[Input],
    run: StageCaller,
    *,
    family: str,
    start: Input | None,
) -> Artifact:
    """Pictures, pixels, and a model pre-trained on them, from random weights or a given model."""
    images = run(
        stages.images(source),
        images=experiment.images,
        source=source,
        held_out=sorted(held_out, key=lambda rows: rows.digest),  # the order changes nothing
        seed=experiment.split_seed,
    )
    stored = store(experiment.images, source, images, experiment, run)
    return run(
        stages.pretraining(experiment.pretraining.objective, family),
        model=experiment.model if start is None else None,
        pretraining=experiment.pretraining,
        pixels=experiment.pixels,
        seed=experiment.seed,
        checkpoints=experiment.checkpoints,
        data=stored.whole,
        **({} if start is None else {"start": start}),
    )
