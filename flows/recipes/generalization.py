"""Where a fine-tuned model holds: the stages behind the evaluation of a problem, each by a field.

None of them changes a metric of the evaluation. Each writes a finding, which the report shows.
"""

from __future__ import annotations

from collections.abc import Sequence

from flows.recipes.further_tests import require_further_tests, transferred
from flows.recipes.image_stages import slices as slices_of_pictures
from flows.recipes.learning_curve import measured_curve
from flows.recipes.stages import LABELLED, SAVING, TRAINING
from flows.recipes.subject import Evaluated, Finding, Pretrained, Subject, leave_out
from tasks import families, objectives, problems
from tasks.contract import Stage, StageError
from tasks.data.sliced_columns import COMPUTED, columns_read, require_column, require_labels
from tasks.experiment.experiment import TEMPERATURE, Experiment
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.images.problem import ImageDownstream
from tasks.experiment.problem import Downstream
from tasks.machinery.naming.title import Title
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.call import StageCaller
from tasks.problems import shape_of
from tasks.sources import Source
from tasks.statistics.slicing.pictures import require_slices


def calibration(problem: str) -> Stage:
    """Temperature and threshold, chosen on the validation split."""
    return Stage(
        "calibration",
        "tasks.stages.generalization.calibration:calibrate",
        (*problems.modules_of(problem), *problems.modules_of_probabilities(problem)),
        (*LABELLED, *problems.described(problem).LIBRARIES),
        show="tasks.pages.generalization.calibration_card:show",
    )


def mislabelled(problem: str) -> Stage:
    """The rows that look mislabelled to the simple model; those of pictures read pixels."""
    simple = (problems.part_of(problem, "simple"),) if problems.has_simple(problem) else ()
    return Stage(
        "mislabelled",
        "tasks.stages.generalization.mislabelled:find_mislabelled",
        (*problems.modules_of(problem), *simple),
        (*LABELLED, "scikit-learn", *problems.described(problem).LIBRARIES),
        show="tasks.pages.generalization.mislabelled_card:show",
    )


def near_duplicates(problem: str) -> Stage:
    """Test rows that are mostly in a row of another split."""
    return Stage(
        "near-duplicates",
        "tasks.stages.generalization.near_duplicates:find_near_duplicates",
        (*problems.modules_of(problem), problems.part_of(problem, "rows")),
        (*LABELLED, *problems.described(problem).LIBRARIES),
        show="tasks.pages.generalization.near_duplicates_card:show",
    )


def forgetting(objective: str, family: str) -> Stage:
    """The loss of the pre-training after fine-tuning."""
    return Stage(
        "forgetting",
        "tasks.stages.generalization.forgetting:measure_forgetting",
        (objectives.module_of(objective), families.module_of(family)),
        (*TRAINING, *SAVING),
        show="tasks.pages.generalization.forgetting_card:show",
    )


def classifies(problem: str) -> bool:
    """Whether answers are one label a row, with probabilities, also those of a simple model."""
    return bool(problems.modules_of_probabilities(problem)) and problems.has_simple(problem)


def slices(source: Source, problem: str) -> Stage:
    """The headline metric on parts of the test split."""
    return Stage(
        "slices",
        "tasks.stages.generalization.slices:measure",
        (source.module, *problems.modules_of(problem), problems.part_of(problem, "rows")),
        (*LABELLED, *source.libraries, *problems.described(problem).LIBRARIES),
        show="tasks.pages.generalization.slices_card:show",
    )


def require_possible(
    experiment: Experiment | ImageExperiment, sources: Sequence[Source] = ()
) -> None:
    """Check that what is asked for behind the evaluations can be found.

    Args:
        experiment: what is asked for.
        sources: of the rows of each problem on text.

    Raises:
        StageError: it cannot with these problems.
    """
    kinds = [problem.kind for problem in experiment.downstream]
    if experiment.evaluation.calibration == TEMPERATURE and not any(
        map(problems.modules_of_probabilities, kinds)
    ):
        known = ", ".join(filter(problems.modules_of_probabilities, problems.every()))
        raise StageError(
            "evaluation.calibration: found temperature, but no problem has answers with "
            f"probabilities; accepted: none, or a problem of {known}"
        )
    if experiment.evaluation.mislabelled and not any(map(classifies, kinds)):
        raise StageError(
            "evaluation.mislabelled: found true, but no problem has one label for each row; "
            f"accepted: false, or a problem of {', '.join(filter(classifies, problems.every()))}"
        )
    for each in experiment.downstream:
        require_further_tests(each)
        if isinstance(each, ImageDownstream):
            require_slices(each.kind, each.slices, f"{each.part}.slices")
    for problem, source in zip(experiment.downstream, sources, strict=False):
        if isinstance(problem, Downstream) and problem.slices:
            _require_columns(problem, source)


def _require_columns(problem: Downstream, source: Source) -> None:
    """Check that there are the columns to slice by.

    Raises:
        StageError: there is no such column, or there are no labels.
    """
    data, shape = problem.data, shape_of(problem.kind)
    require_labels(problem.slices, data, shape)
    try:
        rows = source.first_rows(columns_read(problem.slices, data, shape))
    except StageError as error:
        raise StageError(f"downstream.{problem.name}.source: {error}") from None
    for row in rows[:1]:
        require_column(problem.slices, row.values, data, source.location)


def look_further(
    subject: Subject, experiment: Experiment | ImageExperiment, run: StageCaller
) -> Evaluated:
    """The evaluation, and what the experiment asks for behind it."""
    found: list[Finding] = []
    kind, name = subject.problem.kind, subject.problem.name
    has_probabilities = problems.modules_of_probabilities
    if experiment.evaluation.calibration == TEMPERATURE and not has_probabilities(kind):
        accepted = [*filter(has_probabilities, problems.every())]
        leave_out("evaluation.calibration", subject.problem, "have no probabilities", accepted)
    elif experiment.evaluation.calibration == TEMPERATURE:
        read = [file for file in subject.table.tuned if not file.startswith("train.")]
        artifact = run(
            calibration(kind),
            name,
            problem=kind,
            wanted_accuracy=experiment.evaluation.wanted_accuracy,
            bootstrap_samples=experiment.evaluation.bootstrap_samples,
            confidence=experiment.evaluation.confidence,
            seed=experiment.seed,
            data=subject.data.whole.only(*read),
            model=subject.models["model"],
            evaluation=subject.answers,
        )
        found.append(Finding(str(Title("calibration", name)), artifact))
    if experiment.evaluation.mislabelled and not classifies(kind):
        accepted = [*filter(classifies, problems.every())]
        leave_out("evaluation.mislabelled", subject.problem, "are not one label a row", accepted)
    elif experiment.evaluation.mislabelled:
        artifact = run(
            mislabelled(kind),
            name,
            problem=kind,
            seed=experiment.split_seed,
            data=subject.data.whole.only(*subject.table.compared),
        )
        found.append(Finding(str(Title("mislabelled", name)), artifact))
    more = _of_rows(subject, experiment, run)
    found += [Finding(str(Title(stage, name)), artifact) for stage, artifact in more.items()]
    return Evaluated(subject.evaluation, tuple(found))


def _of_rows(
    subject: Subject, experiment: Experiment | ImageExperiment, run: StageCaller
) -> dict[str, Artifact]:
    """What is found with other rows, or parts of them, by stage."""
    found: dict[str, Artifact] = {}
    if subject.problem.slices:
        found["slices"] = measured_slices(subject, experiment, run)
    if subject.problem.evaluate_also:
        found["transfer"] = transferred(subject, experiment, run)
    if isinstance(experiment, Experiment) and experiment.evaluation.near_duplicates:
        found["near-duplicates"] = run(
            near_duplicates(subject.problem.kind),
            subject.problem.name,
            problem=subject.problem.kind,
            bootstrap_samples=experiment.evaluation.bootstrap_samples,
            confidence=experiment.evaluation.confidence,
            seed=experiment.seed,
            data=subject.data.whole.only("train.parquet", "validation.parquet", "test.parquet"),
            evaluation=subject.answers,
        )
    if experiment.evaluation.learning_curve:
        found["learning-curve"] = measured_curve(subject, experiment, run)
    pretrained = subject.pretrained
    if isinstance(experiment, Experiment) and experiment.evaluation.forgetting and pretrained:
        found["forgetting"] = forgotten(subject, pretrained, experiment, run)
    return found


def forgotten(
    subject: Subject, pretrained: Pretrained, experiment: Experiment, run: StageCaller
) -> Artifact:
    """The loss of the pre-training after fine-tuning."""
    pretraining = experiment.pretraining
    return run(
        forgetting(pretraining.objective, pretrained.family),
        subject.problem.name,
        objective=pretraining.objective,
        sequence_length=pretraining.sequence_length,
        sequences=pretraining.validation_sequences,
        bootstrap_samples=experiment.evaluation.bootstrap_samples,
        confidence=experiment.evaluation.confidence,
        seed=experiment.seed,
        tokens=pretrained.tokens.whole,
        tokenizer=pretrained.tokenizer.whole,
        pretrained=pretrained.artifact / "model",
        model=subject.models["model"],
    )


def measured_slices(
    subject: Subject, experiment: Experiment | ImageExperiment, run: StageCaller
) -> Artifact:
    """The headline metric on the slices of a problem."""
    problem, source = subject.problem, subject.source
    said = {
        "problem": problem.kind,
        "columns": problem.slices,
        "confidence": experiment.evaluation.confidence,
        "seed": experiment.seed,
        "evaluation": subject.answers,
    }
    if isinstance(problem, ImageDownstream) or source is None:
        pictures = subject.data.whole.only("test.parquet", "test.npy")
        return run(slices_of_pictures(problem.kind), problem.name, data=pictures, **said)
    reads = any(name not in COMPUTED for name in problem.slices)
    return run(
        slices(source, problem.kind),
        problem.name,
        labelled=problem.data,
        source=source if reads else None,
        data=subject.data.whole.only("test.parquet"),
        **said,
    )
