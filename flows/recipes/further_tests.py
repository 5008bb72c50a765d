"""Further test sets of a problem: prepared, searched for in the corpus, answered, compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flows.recipes.image_stages import further_test as further_pictures
from flows.recipes.inspection import labelled_source, require_given
from flows.recipes.stages import LABELLED, LEAKAGE, Table
from flows.recipes.subject import Subject
from tasks import problems
from tasks.contract import Stage, StageError
from tasks.experiment.experiment import Experiment
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.images.problem import FurtherPictures, ImageData, ImageDownstream
from tasks.experiment.problem import Downstream, FurtherTest, LabelledData
from tasks.machinery.naming.title import on_further_test
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.call import StageCaller
from tasks.sources import Source
from tasks.sources.images import resolve as resolve_pictures


def further_test(source: Source, problem: str) -> Stage:
    """The rows of a further test set."""
    return Stage(
        "further-test",
        "tasks.stages.generalization.further_test:prepare_further_test",
        (source.module, problems.part_of(problem, "rows")),
        ("pyarrow", *source.libraries),
        show="tasks.pages.data_card:show",
    )


def transfer(problem: str) -> Stage:
    """The results on further test sets beside those on the main one."""
    return Stage(
        "transfer",
        "tasks.stages.generalization.transfer:compare",
        problems.modules_of(problem),
        (*LABELLED, *problems.described(problem).LIBRARIES),
        show="tasks.pages.generalization.transfer_card:show",
    )


Problem = Downstream | ImageDownstream
Further = FurtherTest | FurtherPictures
PICTURES = "the pictures: a folder, or a table of them"


def further_of(problem: Problem) -> Sequence[Further]:
    """The further test sets of a problem."""
    return problem.evaluate_also


def field_of(problem: Problem, further: Further) -> str:
    """The field of a further test set, for messages."""
    return f"downstream.{problem.name}.evaluate_also.{further.name}"


def rows_of(further: Further) -> dict[str, Any]:
    """The fields of a problem that a further test set has of its own."""
    return {"source": further.source, "columns": further.columns}


def data_of(problem: Problem, further: Further) -> LabelledData | ImageData:
    """The part about the rows of a further test set; its name is how messages call it."""
    name = field_of(problem, further).removeprefix("downstream.")
    return problem.data.model_copy(update={"name": name, **rows_of(further)})


def source_of(problem: Problem, further: Further) -> Source:
    """The source of a further test set.

    Raises:
        StageError: it does not exist, or does not begin with a row of the problem.
    """
    field, usual = field_of(problem, further), f"downstream.{problem.name}.columns"
    if isinstance(problem, ImageDownstream):
        require_given(further.source, f"{field}.source", PICTURES)
        return resolve_pictures(further.source, f"{field}.source")
    try:
        return labelled_source(problem.model_copy(update=rows_of(further)), field, for_test=True)
    except StageError as error:
        raise StageError(str(error).replace(usual, f"{field}.columns")) from None


def require_further_tests(problem: Problem) -> None:
    """Check the further test sets of a problem before anything is computed.

    Raises:
        StageError: two have the same name, or one cannot be read.
    """
    names = [further.name for further in further_of(problem)]
    for further in further_of(problem):
        if names.count(further.name) > 1:
            raise StageError(
                f"{field_of(problem, further)}: {names.count(further.name)} test sets have this "
                "name; each needs its own"
            )
        source_of(problem, further)


def prepare_further_tests(
    problem: Problem,
    data: Artifact,
    experiment: Experiment | ImageExperiment,
    run: StageCaller,
    *,
    table: Table,
) -> list[Artifact]:
    """The rows of each further test set, or its pictures; before any training, as they may be bad.

    Args:
        problem: with the further test sets.
        data: its rows, of stage `dataset` or `pixels`.
        experiment: its part about pixels counts.
        run: calls a stage.
        table: the stages of text, or of images.
    """
    return [
        _prepared(problem, each, data, experiment, run, table=table) for each in further_of(problem)
    ]


def _prepared(
    problem: Problem,
    further: Further,
    data: Artifact,
    experiment: Experiment | ImageExperiment,
    run: StageCaller,
    *,
    table: Table,
) -> Artifact:
    source = source_of(problem, further)
    label, rows = on_further_test(problem.name, further.name), data_of(problem, further)
    if isinstance(experiment, ImageExperiment):
        return run(
            further_pictures(source, problem.kind),
            label,
            data=rows,
            pixels=experiment.pixels,
            source=source,
            known=data.whole.only(*table.tuned),
        )
    return run(
        further_test(source, problem.kind),
        label,
        data=rows,
        source=source,
        known=data.whole.only("train.parquet", "validation.parquet", "labels.json"),
    )


def transferred(
    subject: Subject, experiment: Experiment | ImageExperiment, run: StageCaller
) -> Artifact:
    """The same fine-tuned model on each further test set, compared with the main one."""
    tests, answered, leakages = [], [], []
    problem = subject.problem
    pairs = zip(further_of(problem), subject.tests, strict=True)
    for number, (further, test) in enumerate(pairs, 1):
        label = on_further_test(problem.name, further.name)
        tests.append(test.whole.only("further.json"))
        if subject.corpora:
            found = run(
                LEAKAGE,
                label,
                corpora=list(subject.corpora),
                rows=[],
                held_out=test / "held_out.parquet",
            )
            leakages.append(found.whole)
        evaluated = run(
            subject.table.evaluation(problem.kind),
            label,
            problem=problem.kind,
            bootstrap_samples=experiment.evaluation.bootstrap_samples,
            confidence=experiment.evaluation.confidence,
            seed=experiment.seed + number,  # as `transfer` resamples it
            data=test.whole.only(*subject.table.evaluated),
            **subject.models,
        )
        answered.append(evaluated.whole.only("predictions.parquet", "classes.json", "metrics.json"))
    return run(
        transfer(problem.kind),
        problem.name,
        problem=problem.kind,
        names=[further.name for further in further_of(problem)],
        bootstrap_samples=experiment.evaluation.bootstrap_samples,
        confidence=experiment.evaluation.confidence,
        seed=experiment.seed,
        evaluation=subject.evaluation.whole.only(
            "predictions.parquet", "classes.json", "metrics.json"
        ),
        further=answered,
        tests=tests,
        leakages=leakages,
    )
