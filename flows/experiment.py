"""The flow of an experiment: what the Prefect UI, a schedule and `temper run` trigger."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.context import get_run_context
from prefect.runtime import flow_run

from flows.recipe import recipe
from tasks.machinery.cancellation import watching_for_cancellation
from tasks.machinery.delivery import Delivery, deliver_all
from tasks.machinery.digest_memo import Verification, verifying
from tasks.machinery.fingerprint import digest, flatten
from tasks.machinery.home import make_home, store_folder
from tasks.machinery.ledger import Ledger, start_lock
from tasks.machinery.monitor import Display, Quiet
from tasks.machinery.orphans import close_flow_runs, registered_flow_run
from tasks.machinery.planner import Planner, shortened
from tasks.machinery.recording import Recording
from tasks.machinery.runner import Runner
from tasks.machinery.store import Store
from tasks.machinery.tracked_run import TrackedRun
from tasks.machinery.tracking import Tracking
from tasks.machinery.zombies import ensure_automation
from tasks.mistakes import check
from tasks.spec import Experiment
from tasks.stages import StageName

_display: Display = Quiet()


def show_on(display: Display) -> None:
    """Show the progress of the flows of this process on a display."""
    global _display  # noqa: PLW0603  (a flow's parameters are what a form shows: a display is not one)
    _display = display


def display() -> Display:
    """Where the flows of this process show their progress."""
    return _display


def run_name() -> str:
    """`demo · bert 2×128 · 2,500 steps`: how the run reads in a list."""
    parameters: dict[str, Any] = flow_run.parameters
    experiment = Experiment.model_validate(parameters["experiment"])
    model, steps = experiment.model, experiment.pretraining.steps
    return (
        f"{experiment.name} · {model.family} {model.layers}×{model.hidden_size} · {steps:,} steps"
    )


@flow(name="experiment", flow_run_name=run_name, persist_result=False)
def run_experiment(
    experiment: Experiment,
    refresh: list[StageName] = [],  # noqa: B006  (a form's default; nobody changes it)
    verify: Verification = "quick",
    plan_only: bool = False,
) -> dict[str, Any]:
    """Prepare, tokenize, pre-train, fine-tune and evaluate, as cached tasks; compare in MLflow.

    Args:
        experiment: What to run.
        refresh: Stages to compute although they are cached.
        verify: How cached files are checked: by size and a memo of their digests, or every byte.
        plan_only: Tell what would run, and why, as an artifact of the flow run; compute nothing.
    """
    check(experiment)
    make_home()
    if plan_only:
        return show_plan(experiment, refresh, verify)
    ensure_automation()
    with registered_flow_run(), watching_for_cancellation():
        return run_stages(experiment, refresh, verify)


def show_plan(
    experiment: Experiment, refresh: Sequence[StageName], verify: Verification
) -> dict[str, Any]:
    """What would run, and why, as a table in Prefect."""
    planner = Planner(Store(store_folder()), frozenset(refresh))
    with verifying(verify):
        recipe(experiment, planner)
    rows = [
        {"stage": step.title, "plan": step.state, "why": "; ".join(shortened(step.reasons))}
        for step in planner.steps
    ]
    runs = sum(step.state == "run" for step in planner.steps)
    text = f"{runs} of {len(rows)} stages would run"
    create_table_artifact(rows, key="plan", description=text)
    return {"said": text, "plan": rows}


def run_stages(
    experiment: Experiment, refresh: Sequence[StageName], verify: Verification
) -> dict[str, Any]:
    """The stages, in the flow run that this is called in."""
    store = Store(store_folder())
    tracking = Tracking(experiment.name, _display.say)
    tags = code_version() | flow_tags()
    with start_lock():
        deliver_all(tracking, store)
        close_flow_runs(tracking.close_orphans())
        parent = open_parent(tracking, experiment, tags)
        ledger = Ledger.open(experiment.name, tracking.uri, parent.run_id, tags)
    parent.beating = ledger.beat
    delivery = Delivery(ledger, Recording(tracking, parent, tags, store))
    runner = Runner(delivery, _display, frozenset(refresh))
    with verifying(verify), delivery.concluded(_display.say):
        parent.params(parameters_of(experiment))
        recipe(experiment, runner)
    return summary(experiment, runner)


def open_parent(tracking: Tracking, experiment: Experiment, tags: dict[str, str]) -> TrackedRun:
    """The experiment's run: the one in which the same experiment was interrupted, or a new one."""
    same = digest(experiment.model_dump(exclude={"checkpoints"}))
    run = tracking.interrupted(run_name(), "temper.experiment", same)
    if run is None:
        own = {"temper.experiment": same, "temper.stage": "experiment"}
        return tracking.open(run_name(), tags | own)
    run.tags(tags)
    return run


def parameters_of(experiment: Experiment) -> dict[str, Any]:
    """MLflow's parameters: the experiment's leaves, problems by their name."""
    values = experiment.model_dump(exclude={"name", "checkpoints"})
    values["downstream"] = {problem.pop("name"): problem for problem in values["downstream"]}
    return {name: value for name, value in flatten(values).items() if value != {}}


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
    return tags | ({"temper.flow_run_url": address} if address else {})


def flow_run_address() -> str:
    """Where a server shows this flow run; empty with a temporary one, which is gone afterwards."""
    address = str(flow_run.ui_url)
    return address if address.startswith("http") else ""


def run_address(tracking: Tracking, run: TrackedRun) -> str:
    """Where a server of MLflow shows a run; empty without one."""
    address = f"{tracking.address}/#/experiments/{run.experiment_id}/runs/{run.run_id}"
    return address if address.startswith("http") else ""


def summary(experiment: Experiment, runner: Runner) -> dict[str, Any]:
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
        "experiment": experiment.name,
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
