"""The learning curve of a problem: fine-tuned and evaluated with shares of its labels."""

from __future__ import annotations

from flows.recipes.stages import LABELLED
from flows.recipes.subject import FewerLabels, Subject
from tasks import problems
from tasks.contract import Stage
from tasks.experiment.experiment import Experiment
from tasks.experiment.images.experiment import ImageExperiment
from tasks.machinery.naming.title import with_share
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.call import StageCaller

ALL = 1.0


def learning_curve(problem: str) -> Stage:
    """The results over the number of labels, and the factor in labels."""
    return Stage(
        "learning-curve",
        "tasks.stages.generalization.learning_curve:draw_curve",
        problems.modules_of(problem),
        (*LABELLED, *problems.described(problem).LIBRARIES),
        show="tasks.pages.generalization.learning_curve_card:show",
    )


def measured_curve(
    subject: Subject, experiment: Experiment | ImageExperiment, run: StageCaller
) -> Artifact:
    """The learning curve; its last point, all labels, is the evaluation that there is."""
    problem = subject.problem
    shares = sorted({*experiment.evaluation.learning_curve} - {ALL})
    tables, evaluations = [], []
    for share in shares:
        label = with_share(problem.name, share)
        rows = run(
            subject.table.label_share(problem.kind),
            label,
            problem=problem.kind,
            share=share,
            train_examples=problem.train_examples,
            seed=experiment.split_seed,
            # With all rows, the seed of the training chooses none.
            chosen_by=experiment.seed if problem.train_examples else 0,
            data=subject.data.whole.only(*subject.table.tuned),
        )
        fewer = FewerLabels(share, rows.whole.only(*subject.table.tuned))
        models = {role: subject.retune(role, fewer) for role, of in subject.models.items() if of}
        evaluated = run(
            subject.table.evaluation(problem.kind),
            label,
            problem=problem.kind,
            bootstrap_samples=experiment.evaluation.bootstrap_samples,
            confidence=experiment.evaluation.confidence,
            seed=experiment.seed,
            data=subject.data.whole.only(*subject.table.evaluated),
            **{"from_scratch": None, **models},
        )
        tables.append(rows / "train.parquet")
        evaluations.append(evaluated)
    tables.append(subject.data / "train.parquet")
    evaluations.append(subject.evaluation)
    return run(
        learning_curve(problem.kind),
        problem.name,
        problem=problem.kind,
        shares=[*shares, ALL],
        train_examples=problem.train_examples,
        bootstrap_samples=experiment.evaluation.bootstrap_samples,
        confidence=experiment.evaluation.confidence,
        seed=experiment.seed,
        points=tables,
        evaluations=[each.whole.only("predictions.parquet") for each in evaluations],
    )
