"""The judgement of a challenger as a run of its own in MLflow, with the table of both models."""

from __future__ import annotations

import json
from dataclasses import dataclass

from flows.runs.medium import AnyExperiment, AnyProblem, medium_of
from tasks.experiment.retraining import Rule
from tasks.machinery.execution.display import current_display
from tasks.machinery.execution.session import Work, opened
from tasks.machinery.host.digest_memo import Verification
from tasks.machinery.store.artifact import Input
from tasks.machinery.tracking.tags import MODEL
from tasks.problems import Unit
from tasks.references.lineage import Lineage
from tasks.statistics import numbers


@dataclass(frozen=True)
class Judged:
    """The result of the judgement.

    Attributes:
        outcome: `first`, `promoted`, `kept` or `refused`.
        gain: of the headline metric, with the ends of its interval.
        gain_text: the same as text, with its unit.
        page: the table of both models, in Markdown.
        run_id: of its run in MLflow.
    """

    outcome: str
    reasons: list[str]
    metric: str
    gain: list[float]
    gain_text: str
    page: str
    run_id: str


def judge_challenger(
    experiment: AnyExperiment,
    problem: AnyProblem,
    rule: Rule,
    model: str,
    verify: Verification,
    *,
    data: Input,
    challenger: Input,
    champion: Input | None,
    lineage: Lineage,
    keys: Input | None = None,
) -> Judged:
    """Run stage `judgement` in an MLflow run `retrain NAME`, whose page is the table.

    Args:
        experiment: of the challenger.
        problem: that both solve.
        rule: the rule for a promotion.
        model: name of the registered model.
        verify: how to check cached files.
        data: what both are compared on.
        challenger: its model.
        champion: its model; None if there is none.
        lineage: what the champion has learnt.
        keys: of pictures, their hashes.
    """
    values = {"model": model, "problem": problem.name, **rule.model_dump()}
    work = Work(
        kind="retraining",
        name=experiment.name,
        title=f"retrain {model}",
        values=values,
        tags={MODEL: model},
        resumes=False,
    )
    with opened(work, current_display(), verify=verify) as runner:
        found = runner(
            medium_of(experiment).table(problem.kind).judgement(problem.kind),
            problem.name,
            problem=problem.kind,
            rule=rule,
            seed=experiment.seed,
            data=data,
            challenger=challenger,
            champion=champion,
            learnt=lineage.rows,
            is_known=not lineage.gaps,
            **({} if keys is None else {"keys": keys}),
        )
    decision = json.loads((found.path / "decision.json").read_text(encoding="utf-8"))
    head, card = decision["rows"][0], found.pages / "card.md"
    value, low, high = (head["difference"][end] for end in ("value", "low", "high"))
    unit: Unit = head["unit"]
    return Judged(
        outcome=decision["outcome"],
        reasons=decision["reasons"],
        metric=head["name"],
        gain=[value, low, high],
        gain_text=numbers.counted(numbers.difference(value, low, high, unit), unit),
        page=card.read_text(encoding="utf-8") if card.is_file() else "",
        run_id=runner.delivery.summary.run_id,
    )
