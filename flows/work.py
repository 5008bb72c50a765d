"""What every flow run of stages does: open its run in MLflow, walk a recipe, sum up."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.artifacts import create_table_artifact
from prefect.context import get_run_context
from prefect.runtime import flow_run

from flows.plain_mistakes import log_mistakes_plainly
from tasks.machinery.artifact import Artifact
from tasks.machinery.call import Run
from tasks.machinery.cancellation import watching_for_cancellation
from tasks.machinery.delivery import Delivery, deliver_all
from tasks.machinery.digest_memo import Verification, verifying
from tasks.machinery.duplicates import cancel_duplicates
from tasks.machinery.fingerprint import digest, flatten
from tasks.machinery.home import make_home, store_folder
from tasks.machinery.ledger import Ledger, start_lock
from tasks.machinery.links import NOTE, note_of, run_page
from tasks.machinery.monitor import Display, Quiet
from tasks.machinery.orphans import close_flow_runs, registered_flow_run
from tasks.machinery.planner import Planner, shortened
from tasks.machinery.recording import Recording
from tasks.machinery.runner import Runner
from tasks.machinery.store import Store
from tasks.machinery.tracked_run import TrackedRun
from tasks.machinery.tracking import Tracking
from tasks.machinery.zombies import ensure_automation
from tasks.stages import StageName

log_mistakes_plainly()  # here, as Prefect checks a flow's parameters before it calls it
_display: Display = Quiet()


def show_on(display: Display) -> None:
    """Show the progress of the flows of this process on a display."""
    global _display  # noqa: PLW0603  (a flow's parameters are what a form shows: a display is not one)
    _display = display


def display() -> Display:
    """Where the flows of this process show their progress."""
    return _display


@dataclass(frozen=True)
class Work:
    """What a flow run is to do.

    Attributes:
        kind: what it is, as tag `temper.stage` of its run in MLflow: experiment, pretrain, ….
        name: its experiment in MLflow.
        title: name of its run.
        values: its parameters: all that was asked for, without what changes no result.
        recipe: the stages.
    """

    kind: str
    name: str
    title: str
    values: Mapping[str, Any]
    recipe: Callable[[Run], Artifact]

    @property
    def identity(self) -> str:
        """The same for a run that goes on with an interrupted one."""
        same = {k: v for k, v in self.values.items() if k not in ("variant", "checkpoints")}
        return digest(same if self.kind == "experiment" else same | {"kind": self.kind})

    @property
    def parameters(self) -> dict[str, Any]:
        """MLflow's parameters: the leaves, listed parts by their name."""
        aside = ("name", "variant", "checkpoints")
        values = {k: v for k, v in self.values.items() if k not in aside}
        for name, value in values.items():
            if isinstance(value, list) and value and isinstance(value[0], Mapping):
                values[name] = {
                    part["name"]: {k: v for k, v in part.items() if k != "name"} for part in value
                }
        return {name: value for name, value in flatten(values).items() if value not in ({}, [])}


def begin(*, plan_only: bool) -> None:
    """Make the state folder, and cancel what is queued that would do the same.

    Before anything that is referred to is resolved: who triggers it later may mean something else.
    """
    make_home()
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
    tracking = Tracking(work.name, _display.say)
    tags = code_version() | flow_tags()
    with start_lock():
        deliver_all(tracking, store)
        close_flow_runs(tracking.close_orphans())
        parent = open_parent(tracking, work, tags)
        ledger = Ledger.open(work.name, tracking.uri, parent.run_id, tags)
    parent.beating = ledger.beat
    delivery = Delivery(ledger, Recording(tracking, parent, tags, store))
    runner = Runner(delivery, _display, frozenset(refresh))
    with verifying(verify), delivery.concluded(_display.say):
        parent.params(work.parameters)
        work.recipe(runner)
    return summary(work, runner)


def open_parent(tracking: Tracking, work: Work, tags: dict[str, str]) -> TrackedRun:
    """The run of the whole: the one in which the same was interrupted, or a new one."""
    run = tracking.interrupted(work.title, "temper.experiment", work.identity)
    if run is None:
        own = {"temper.experiment": work.identity, "temper.stage": work.kind}
        return tracking.open(work.title, tags | own)
    run.tags(tags)
    return run


def code_version() -> dict[str, str]:
    """The commit that this code is at, and whether the tree is clean; empty outside a checkout."""
    root = Path(__file__).parent.parent

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        commit, changes = git("rev-parse", "HEAD"), git("status", "--porcelain")
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {"mlflow.source.git.commit": commit, "temper.git.clean": str(not changes).lower()}


def flow_tags() -> dict[str, str]:
    """The flow run that a run in MLflow belongs to, and its address where a server shows it."""
    context = get_run_context()
    tags = {
        "mlflow.source.name": "temper",
        "mlflow.source.type": "JOB",
        "temper.flow_run_id": str(flow_run.id),
        "temper.flow_run_name": str(getattr(context, "flow_run").name),  # noqa: B009
    }
    address = flow_run_address()
    if address:
        tags["temper.flow_run_url"] = address
        tags[NOTE] = note_of(tags)
    return tags


def flow_run_address() -> str:
    """Where a server shows this flow run; empty with a temporary one, which is gone afterwards."""
    address = str(flow_run.ui_url)
    return address if address.startswith("http") else ""


def run_address(tracking: Tracking, run: TrackedRun) -> str:
    """Where a server of MLflow shows a run; empty without one."""
    return run_page(tracking.address, run.experiment_id, run.run_id)


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
