"""What every flow run of stages does: open its run in MLflow, walk a recipe, sum up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from prefect.artifacts import create_table_artifact
from prefect.runtime import flow_run

from flows.recipes.stages import StageName
from flows.runs.plain_log import log_mistakes_plainly, log_old_names
from tasks.machinery.execution.delivery import Delivery, deliver_all
from tasks.machinery.execution.display import current_display
from tasks.machinery.execution.planner import Planner, shortened
from tasks.machinery.execution.runner import Runner
from tasks.machinery.execution.session import Work, open_parent, run_address
from tasks.machinery.host.digest_memo import Verification, verifying
from tasks.machinery.host.home import make_home, store_folder
from tasks.machinery.host.ledger import Ledger, start_lock
from tasks.machinery.orchestration.cancellation import watching_for_cancellation
from tasks.machinery.orchestration.flow_tags import flow_run_address, flow_tags
from tasks.machinery.orchestration.gone_flow_runs import close_flow_runs, registered_flow_run
from tasks.machinery.orchestration.heartbeat_automation import ensure_automation
from tasks.machinery.orchestration.queued_twice import cancel_duplicates
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.call import Run
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.code_version import code_version
from tasks.machinery.tracking.recording import Recording
from tasks.machinery.tracking.tracking import Tracking

log_mistakes_plainly()  # here, as Prefect checks a flow's parameters before it calls it


def begin(*, plan_only: bool) -> None:
    """Make the state folder, and cancel what is queued that would do the same.

    Before anything that is referred to is resolved: who triggers it later may mean something else.
    """
    make_home()
    log_old_names()
    if not plan_only:
        cancel_duplicates()


def perform(
    work: Work, refresh: Sequence[StageName], verify: Verification, *, plan_only: bool
) -> dict[str, Any]:
    """Do the work in the flow run that this is called in, or tell what would be done."""
    if plan_only:
        return show_plan(work.recipe, refresh, verify)
    ensure_automation()
    with registered_flow_run(), watching_for_cancellation():
        return run_stages(work, refresh, verify)


def show_plan(
    recipe: Callable[[Run], Artifact], refresh: Sequence[StageName], verify: Verification
) -> dict[str, Any]:
    """What would run, and why, as a table in Prefect."""
    planner = Planner(Store(store_folder()), frozenset(refresh))
    with verifying(verify):
        recipe(planner)
    rows = [
        {"stage": step.title, "plan": step.state, "why": "; ".join(shortened(step.reasons))}
        for step in planner.steps
    ]
    runs = sum(step.state == "run" for step in planner.steps)
    text = f"{runs} of {len(rows)} stages would run"
    create_table_artifact(rows, key="plan", description=text)
    return {"said": text, "plan": rows}


def run_stages(work: Work, refresh: Sequence[StageName], verify: Verification) -> dict[str, Any]:
    """The stages, in the flow run that this is called in."""
    store = Store(store_folder())
    tracking = Tracking(work.name, current_display().say)
    tags = code_version() | flow_tags()
    with start_lock():
        deliver_all(tracking, store)
        close_flow_runs(tracking.close_orphans())
        parent = open_parent(tracking, work, tags)
        ledger = Ledger.open(work.name, tracking.uri, parent.run_id, tags)
    parent.beating = ledger.beat
    delivery = Delivery(ledger, Recording(tracking, parent, tags, store))
    runner = Runner(delivery, current_display(), frozenset(refresh))
    with verifying(verify), delivery.concluded(current_display().say):
        parent.params(work.parameters)
        work.recipe(runner)
    return summary(work, runner)


def summary(work: Work, runner: Runner) -> dict[str, Any]:
    """What `--output` writes: stages, metrics, and where to look."""
    stages = [
        {
            "name": outcome.title,
            "state": outcome.state,
            "fingerprint": outcome.artifact.fingerprint,
            "run_id": outcome.artifact.record.get("run_id", ""),
            "seconds": round(outcome.artifact.seconds, 3),
            "path": str(outcome.artifact.path),
            "pages": str(outcome.artifact.pages),
        }
        for outcome in runner.outcomes
    ]
    return {
        "experiment": work.name,
        "flow_run_id": str(flow_run.id),
        "flow_run_url": flow_run_address(),
        "mlflow": {
            "tracking_uri": runner.recording.tracking.uri,
            "url": run_address(runner.recording.tracking, runner.recording.parent),
            "experiment_id": runner.recording.parent.experiment_id,
            "run_id": runner.recording.parent.run_id,
            "delivered": runner.delivery.ledger.is_told,
        },
        "stages": stages,
        "metrics": runner.metrics(),
    }
