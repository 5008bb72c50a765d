"""Stages that look into a fine-tuned model: why it answers so. Only where an experiment asks."""

from __future__ import annotations

from collections.abc import Sequence

from flows.recipes.stages import LABELLED
from flows.recipes.subject import Finding, Subject, leave_out
from tasks import explanations, problems
from tasks.contract import Stage, StageError
from tasks.experiment import choices
from tasks.experiment.experiment import Experiment
from tasks.experiment.images.experiment import ImageExperiment
from tasks.experiment.problem import Downstream
from tasks.machinery.naming.title import Title
from tasks.machinery.store.artifact import Artifact, Input
from tasks.machinery.store.call import StageCaller
from tasks.models.explaining.explained import explainable, modules_of_explained
from tasks.models.learning.probed import modules_of_probed

PROBED = "text-classification"  # whose rows an encoder is probed with while it is pre-trained


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


def probing(problem: str, family: str) -> Stage:
    """Linear probes of the layers of an encoder, against random weights.

    Args:
        problem: what the probes solve.
        family: the module of the encoder's family, which builds the one with random weights.
    """
    described = problems.described(problem)
    return Stage(
        "probing",
        "tasks.stages.probing:probe",
        (*problems.modules_of(problem), *modules_of_probed(problem), family),
        (*LABELLED, "pillow", "scikit-learn", *described.LIBRARIES),
        show="tasks.pages.explanations.probing_card:show",
    )


def explain(
    subject: Subject, experiment: Experiment | ImageExperiment, run: StageCaller
) -> list[Finding]:
    """Explain answers of a model to test rows; nothing if the experiment does not ask, or cannot.

    Args:
        subject: the model, and its evaluation.
        experiment: which methods, and of how many rows.
        run: calls a stage.
    """
    how, problem = experiment.evaluation, subject.problem
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
        data=subject.data.whole.only(
            *(name for name in subject.table.tested if name != "train.parquet")
        ),
        model=subject.models["model"],
        evaluation=subject.evaluation.whole.only("predictions.parquet"),
    )
    return [Finding(str(Title("explanation", problem.name)), found)]


def probed_rows(
    experiment: Experiment, listed: Sequence[Downstream], labelled: Sequence[Artifact]
) -> Input | None:
    """The rows that an encoder is probed with while it is pre-trained; None if not asked for.

    Raises:
        StageError: no problem has texts with a label each.
    """
    if not experiment.pretraining.probe:
        return None
    for problem, data in zip(listed, labelled, strict=True):
        if problem.kind == PROBED:
            return data.whole.only("train.parquet", "validation.parquet")
    found = ", ".join(dict.fromkeys(problem.kind for problem in listed)) or "no problem"
    raise StageError(
        f"pretraining.probe: found true, but the labelled data are of {found}; accepted: false, or "
        f"a problem of {PROBED} with one label a text"
    )


def probe(
    subject: Subject,
    body: Input,
    experiment: Experiment | ImageExperiment,
    run: StageCaller,
    *,
    family: str,
) -> list[Finding]:
    """Probe the layers of an encoder; nothing if none is asked for, or a problem has no probe.

    Args:
        subject: what the probes are to solve.
        body: the encoder, pre-trained.
        experiment: whether to.
        run: calls a stage.
        family: of the encoder.
    """
    how, problem, table = experiment.evaluation, subject.problem, subject.table
    if not how.probe_layers:
        return []
    if problem.kind not in choices.probed():
        leave_out("evaluation.probe_layers", problem, "have no linear probe", choices.probed())
        return []
    found = run(
        probing(problem.kind, table.family(family)),
        problem.name,
        problem=problem.kind,
        max_length=getattr(problem, "max_length", 0),
        bootstrap_samples=how.bootstrap_samples,
        confidence=how.confidence,
        seed=experiment.seed,
        data=subject.data.whole.only(*dict.fromkeys((*table.tuned, *table.tested))),
        body=body,
    )
    return [Finding(str(Title("probing", problem.name)), found)]
