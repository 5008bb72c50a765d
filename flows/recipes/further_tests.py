"""Further test sets of a problem: prepared, searched for in the corpus, answered, compared."""

from __future__ import annotations

from flows.recipes.inspection import labelled_source
from flows.recipes.stages import LABELLED, LEAKAGE
from flows.recipes.subject import Subject
from tasks import problems
from tasks.contract import Stage, StageError
from tasks.experiment.experiment import Experiment
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.problem import Downstream, FurtherTest, LabelledData
from tasks.machinery.naming.title import on_further_test
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.call import StageCaller
from tasks.sources import Source


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


def field_of(problem: Downstream, further: FurtherTest) -> str:
    """The field of a further test set, for messages."""
    return f"downstream.{problem.name}.evaluate_also.{further.name}"


def as_problem(problem: Downstream, further: FurtherTest) -> Downstream:
    """The problem on the rows of a further test set."""
    return problem.model_copy(update={"source": further.source, "columns": further.columns})


def data_of(problem: Downstream, further: FurtherTest) -> LabelledData:
    """The part about the rows of a further test set; its name is how messages call it."""
    name = field_of(problem, further).removeprefix("downstream.")
    return as_problem(problem, further).data.model_copy(update={"name": name})


def source_of(problem: Downstream, further: FurtherTest) -> Source:
    """The source of a further test set.

    Raises:
        StageError: it does not exist, or does not begin with a row of the problem.
    """
    field, usual = field_of(problem, further), f"downstream.{problem.name}.columns"
    try:
        return labelled_source(as_problem(problem, further), field, for_test=True)
    except StageError as error:
        raise StageError(str(error).replace(usual, f"{field}.columns")) from None


def require_further_tests(problem: Downstream) -> None:
    """Check the further test sets of a problem before anything is computed.

    Raises:
        StageError: two have the same name, or one cannot be read.
    """
    names = [further.name for further in problem.evaluate_also]
    for further in problem.evaluate_also:
        if names.count(further.name) > 1:
            raise StageError(
                f"{field_of(problem, further)}: {names.count(further.name)} test sets have this "
                "name; each needs its own"
            )
        source_of(problem, further)


def transferred(
    subject: Subject,
    problem: Downstream,
    experiment: Experiment | ImageExperiment,
    run: StageCaller,
) -> Artifact:
    """The same fine-tuned model on each further test set, compared with the main one."""
    tests, answered, leakages = [], [], []
    for number, further in enumerate(problem.evaluate_also, 1):
        label, source = on_further_test(problem.name, further.name), source_of(problem, further)
        test = run(
            further_test(source, problem.kind),
            label,
            data=data_of(problem, further),
            source=source,
            known=subject.data.whole.only("train.parquet", "validation.parquet", "labels.json"),
        )
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
            data=test.whole.only(*subject.table.tested),
            **subject.models,
        )
        answered.append(evaluated.whole.only("predictions.parquet", "classes.json", "metrics.json"))
    return run(
        transfer(problem.kind),
        problem.name,
        problem=problem.kind,
        names=[further.name for further in problem.evaluate_also],
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
