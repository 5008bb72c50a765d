"""A retraining in the flow run that it is called in, on text or on images."""

from __future__ import annotations

from typing import Any

from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.runs.medium import AnyExperiment
from flows.runs.plain_log import log_old_names
from flows.runs.retraining import Retraining
from flows.runs.rule_bounds import require_bounds
from flows.runs.triggered_by import later_one_is_due
from tasks.experiment.retraining import Rule, problem_of, require_name
from tasks.machinery.host.digest_memo import Verification, verifying
from tasks.machinery.host.home import make_home
from tasks.machinery.orchestration.cancellation import watching_for_cancellation
from tasks.machinery.orchestration.gone_flow_runs import registered_flow_run
from tasks.machinery.orchestration.heartbeat_automation import ensure_automation


def perform_retraining(
    experiment: AnyExperiment, problem: str, model: str, rule: Rule, verify: Verification
) -> State[dict[str, Any]]:
    """Run the experiment if anything is new, and promote its model if it beats the champion."""
    require_name(model)
    chosen = problem_of(experiment, problem)
    require_bounds(rule, chosen.kind)
    make_home()
    log_old_names()
    ensure_automation()
    with registered_flow_run(), watching_for_cancellation():
        due = later_one_is_due()
        if due is not None:
            return Completed(
                name="Skipped",
                message=f"skipped, a later one is due: that of {due:%Y-%m-%d %H:%M} UTC",
                data={"outcome": "skipped"},
            )
        with verifying(verify):
            return Retraining.of(experiment, chosen, model, rule, verify).run()
