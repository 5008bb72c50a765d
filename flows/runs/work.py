"""The work of every flow run of stages: run a recipe, or show its plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from prefect.artifacts import create_table_artifact
from prefect.runtime import flow_run

from flows.runs.plain_log import log_mistakes_plainly, log_old_names
from tasks.machinery.execution.display import current_display
from tasks.machinery.execution.planner import Planner, shortened
from tasks.machinery.execution.session import Work, opened
from tasks.machinery.execution.summary import RunSummary
from tasks.machinery.host.digest_memo import Verification, verifying
from tasks.machinery.host.home import make_home, store_folder
from tasks.machinery.naming.markdown import escaped_rows
from tasks.machinery.naming.secrets import redacting
from tasks.machinery.orchestration.cancellation import watching_for_cancellation
from tasks.machinery.orchestration.flow_tags import flow_run_address
from tasks.machinery.orchestration.gone_flow_runs import registered_flow_run
from tasks.machinery.orchestration.heartbeat_automation import ensure_automation
from tasks.machinery.orchestration.queued_twice import cancel_duplicates
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.call import StageCaller
from tasks.machinery.store.store import Store

Recipe = Callable[[StageCaller], Artifact]

log_mistakes_plainly()  # here, as Prefect checks a flow's parameters before it calls it


def begin(*, plan_only: bool) -> None:
    """Create the state folder, and cancel queued duplicates of this flow run.

    Call before references (aliases, branches) are resolved: a queued run triggered later may
    resolve them differently.
    """
    make_home()
    log_old_names()
    if not plan_only:
        with redacting():
            cancel_duplicates()


def perform(work: Work, recipe: Recipe, refresh: Sequence[str], verify: Verification) -> RunSummary:
    """Do the work in the flow run that this is called in."""
    ensure_automation()
    with registered_flow_run(), watching_for_cancellation():
        return run_stages(work, recipe, refresh, verify)


def show_plan(recipe: Recipe, refresh: Sequence[str], verify: Verification) -> dict[str, Any]:
    """Show what would run, and why, as a table in Prefect."""
    planner = Planner(Store(store_folder()), frozenset(refresh))
    with verifying(verify):
        recipe(planner)
    rows = [
        {"stage": step.title, "plan": step.state, "why": "; ".join(shortened(step.reasons))}
        for step in planner.steps
    ]
    runs = sum(step.state == "run" for step in planner.steps)
    text = f"{runs} of {len(rows)} stages would run"
    create_table_artifact(escaped_rows(rows), key="plan", description=text)
    return {"said": text, "plan": rows}


def run_stages(
    work: Work, recipe: Recipe, refresh: Sequence[str], verify: Verification
) -> RunSummary:
    """Run the stages of a recipe in the flow run that this is called in."""
    with opened(work, current_display(), refresh, verify) as runner:
        recipe(runner)
    return RunSummary(
        experiment=work.name,
        flow_run_id=str(flow_run.id),
        flow_run_url=flow_run_address(),
        mlflow=runner.delivery.summary,
        stages=runner.stages(),
        metrics=runner.metrics(),
    )
