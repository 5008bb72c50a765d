"""Stages that look into a fine-tuned model: why it answers so. Only where an experiment asks."""

from __future__ import annotations

from collections.abc import Sequence

from flows.recipes.stages import LABELLED, Table
from flows.recipes.subject import Finding, leave_out
from tasks import explanations, problems
from tasks.contract import Stage
from tasks.experiment import choices
from tasks.experiment.experiment import Experiment
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.images.problem import ImageDownstream
from tasks.experiment.problem import Downstream
from tasks.machinery.naming.title import Title
from tasks.machinery.store.artifact import Artifact, Input
from tasks.machinery.store.call import StageCaller
from tasks.models.explaining.explained import explainable, modules_of_explained
from tasks.models.learning.probed import modules_of_probed


def explanation(problem: str, methods: Sequence[str]) -> Stage:
    """Which parts of rows speak for the answers, by some methods, and their checks."""
    described = problems.described(problem)
    return Stage(
        "explanation",
        "tasks.stages.explanation:explain",
        (
            *problems.modules_of(problem),
            *modules_of_explained(problem),
            *(explanations.module_of(method) for method in methods),
        ),
        (*LABELLED, "pillow", *described.LIBRARIES, *explanations.libraries_of(methods)),
        show="tasks.pages.explanations.card:show",
    )


def probing(problem: str) -> Stage:
    """Linear probes of the layers of a body, against random weights."""
    described = problems.described(problem)
    return Stage(
        "probing",
        "tasks.stages.probing:probe",
        (*problems.modules_of(problem), *modules_of_probed(problem)),
        (*LABELLED, "pillow", "scikit-learn", *described.LIBRARIES),
        show="tasks.pages.explanations.probing_card:show",
    )


def explain(
    problem: Downstream | ImageDownstream,
    data: Artifact,
    model: Input,
    evaluation: Artifact,
    experiment: Experiment | ImageExperiment,
    *,
    run: StageCaller,
    table: Table,
) -> list[Finding]:
    """Explain answers of a model to test rows; nothing if the experiment does not ask, or cannot.

    Args:
        problem: that the model was fine-tuned on.
        data: of stage `dataset`, or `pixels`.
        model: the fine-tuned model.
        evaluation: of the model on these data.
        experiment: which methods, and of how many rows.
        run: calls a stage.
        table: the stages of text, or of images.
    """
    how = experiment.evaluation
    if not how.explain:
        return []
    if problem.kind not in explainable():
        leave_out("evaluation.explain", problem, "cannot be explained", explainable())
        return []
    found = run(
        explanation(problem.kind, how.explain),
        problem.name,
        problem=problem.kind,
        methods=sorted(how.explain),  # the order changes nothing
        most_rows=how.explained_rows,
        most_mistakes=how.explained_mistakes,
        bootstrap_samples=how.bootstrap_samples,
        confidence=how.confidence,
        seed=experiment.seed,
        data=data.whole.only(*(name for name in table.tested if name != "train.parquet")),
        model=model,
        evaluation=evaluation.whole.only("predictions.parquet"),
    )
    return [Finding(str(Title("explanation", problem.name)), found)]


def probe(
    problem: Downstream | ImageDownstream,
    data: Artifact,
    body: Input,
    experiment: Experiment | ImageExperiment,
    *,
    run: StageCaller,
    table: Table,
) -> list[Finding]:
    """Probe the layers of a body; nothing if none is asked for, or a problem has no probe.

    Args:
        problem: that the probes are to solve.
        data: of stage `dataset`, or `pixels`.
        body: pre-trained.
        experiment: whether to.
        run: calls a stage.
        table: the stages of text, or of images.
    """
    how = experiment.evaluation
    if not how.probe_layers:
        return []
    if problem.kind not in choices.probed():
        leave_out("evaluation.probe_layers", problem, "have no linear probe", choices.probed())
        return []
    found = run(
        probing(problem.kind),
        problem.name,
        problem=problem.kind,
        max_length=getattr(problem, "max_length", 0),
        bootstrap_samples=how.bootstrap_samples,
        confidence=how.confidence,
        seed=experiment.seed,
        data=data.whole.only(*dict.fromkeys((*table.tuned, *table.tested))),
        body=body,
    )
    return [Finding(str(Title("probing", problem.name)), found)]
