"""The judgement of a challenger as a run of its own in MLflow, with the table of both sides."""

from __future__ import annotations

import json
from dataclasses import dataclass

from flows.recipes import stages
from tasks.experiment.experiment import Experiment
from tasks.experiment.problem import Downstream
from tasks.experiment.retraining import Rule
from tasks.machinery.execution.delivery import Delivery
from tasks.machinery.execution.display import current_display
from tasks.machinery.execution.runner import Runner
from tasks.machinery.host.digest_memo import Verification, verifying
from tasks.machinery.host.home import store_folder
from tasks.machinery.host.ledger import Ledger
from tasks.machinery.orchestration.flow_tags import flow_tags
from tasks.machinery.store.artifact import Input
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.code_version import code_version
from tasks.machinery.tracking.recording import Recording
from tasks.machinery.tracking.tags import MODEL, STAGE
from tasks.machinery.tracking.tracking import Tracking
from tasks.references.lineage import Lineage


@dataclass(frozen=True)
class Judged:
    """What the judgement came to.

    Attributes:
        outcome: `first`, `promoted`, `kept` or `refused`.
        gain: of the headline metric, with the ends of its interval.
        page: the table of both sides, in Markdown.
        run_id: of the run in MLflow that has it.
    """

    outcome: str
    reasons: list[str]
    metric: str
    gain: list[float]
    page: str
    run_id: str


def judge(
    experiment: Experiment,
    problem: Downstream,
    rule: Rule,
    model: str,
    verify: Verification,
    *,
    data: Input,
    challenger: Input,
    champion: Input | None,
    lineage: Lineage,
) -> Judged:
    """Run stage `judgement` under a run `retrain NAME` in MLflow, of which the page is that."""
    store, tracking = Store(store_folder()), Tracking(experiment.name, current_display().say)
    tags = code_version() | flow_tags()
    own = {STAGE: "retraining", MODEL: model}
    parent = tracking.open(f"retrain {model}", tags | own)
    ledger = Ledger.open(experiment.name, tracking.uri, parent.run_id, tags)
    parent.beating = ledger.beat
    delivery = Delivery(ledger, Recording(tracking, parent, tags, store))
    runner = Runner(delivery, current_display())
    with verifying(verify), delivery.concluded(current_display().say):
        parent.params({"model": model, "problem": problem.name, **rule.model_dump()})
        found = runner(
            stages.judgement(problem.problem),
            problem.name,
            problem=problem.problem,
            rule=rule,
            seed=experiment.seed,
            data=data,
            challenger=challenger,
            champion=champion,
            learnt=lineage.rows,
            is_known=not lineage.gaps,
        )
    decision = json.loads((found.path / "decision.json").read_text(encoding="utf-8"))
    head = decision["rows"][0]
    return Judged(
        outcome=decision["outcome"],
        reasons=decision["reasons"],
        metric=head["name"],
        gain=[head["difference"][end] for end in ("value", "low", "high")],
        page=(found.pages / "card.md").read_text(encoding="utf-8"),
        run_id=parent.run_id,
    )
