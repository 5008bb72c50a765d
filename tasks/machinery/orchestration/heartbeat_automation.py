"""An automation on the Prefect server that finds flow runs whose process was killed.

A killed process cannot report its end, and Prefect would show its flow run as running forever. The
next start of an experiment closes it (`gone_flow_runs.py`). A server that stays up need not wait
for that: Prefect's flow engine sends a heartbeat every three minutes, from a thread that a training
does not block, and this automation sets a flow run to crashed after nine minutes without a
heartbeat or an end. One heartbeat that is lost, or late by minutes on a very busy machine, has no
effect. A run that is marked crashed by mistake (its machine slept) continues, and is completed when
it ends.

So a killed run is set to crashed after six to nine minutes. An automation cannot close its task
runs or its runs in MLflow; the next start does (`gone_flow_runs.close_what_is_gone`).

It applies to the flows named in `FLOWS`. On a server shared with others, their flows of the same
names are set to crashed too when their heartbeats stop. It can be disabled in the UI, and stays
disabled. Other changes made there are reverted.
"""

from __future__ import annotations

import contextlib
import logging
from datetime import timedelta

from filelock import FileLock
from prefect.automations import (
    AutomationCore,
    ChangeFlowRunState,
    EventTrigger,
    Posture,
    ResourceSpecification,
)
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.exceptions import PrefectHTTPStatusError
from prefect.settings import PREFECT_API_URL, get_current_settings

from tasks.machinery.host.home import home

LOGGER = logging.getLogger(__name__)

NAME = "Temper: flow runs whose process is gone"
FLOWS = (
    *("experiment", "pretrain", "finetune", "evaluate", "retrain"),
    *("images", "pretrain-images", "evaluate-images", "retrain-images"),
)
WINDOW = timedelta(seconds=540)  # three heartbeats of 180 s, which is Prefect's default
HEARTBEAT = "prefect.flow-run.heartbeat"
_TURN = 60.0  # seconds to wait for other processes
# A run that waits, for a person or for its next attempt, sends no heartbeats.
ENDS = ("Completed", "NothingNew", "Skipped", "Failed", "Crashed", "Cancelled", "TimedOut")
WAITS = ("Scheduled", "AwaitingRetry", "Late", "Pending", "Paused", "Suspended")


def ensure_automation(window: timedelta | None = None) -> None:
    """Make the server set flow runs without heartbeats to crashed; no-op on a temporary server.

    Never raises: a server without automations causes a warning.

    Args:
        window: time without a heartbeat after which a flow run counts as dead; default `WINDOW`, or
            three heartbeats if they are configured to be rarer.
    """
    if not PREFECT_API_URL.value():
        return
    try:
        # One process of a state folder at a time: otherwise twenty that start at once would each
        # create one, and the server logs errors for those that are deleted while in use.
        with (
            FileLock(home() / "automation.lock", timeout=_TURN),
            get_client(sync_client=True) as client,
        ):
            _ensure(client, automation(window or _window()))
    except Exception as problem:  # a failing server must not prevent a training
        LOGGER.warning(
            "the Prefect server accepts no automation (%s: %s): killed flow runs show as running "
            "until the next start",
            type(problem).__name__,
            str(problem).partition("\n")[0][:200],
        )


def automation(window: timedelta) -> AutomationCore:
    """The automation: set a flow run to crashed after `window` without a heartbeat."""
    minutes = f"{window.total_seconds() / 60:.3g} minutes"
    return AutomationCore(
        name=NAME,
        description=f"No heartbeat for {minutes}: the process was killed, or its machine is down.",
        trigger=EventTrigger(
            match=ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"}),
            match_related=ResourceSpecification(
                {"prefect.resource.role": "flow", "prefect.resource.name": list(FLOWS)}
            ),
            for_each={"prefect.resource.id"},
            after={HEARTBEAT},
            expect={HEARTBEAT, *(f"prefect.flow-run.{name}" for name in (*ENDS, *WAITS))},
            posture=Posture.Proactive,
            threshold=1,
            within=window,
        ),
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                name="Crashed",
                force=False,  # a run that has ended keeps its final state
                message=f"no heartbeat for {minutes}: its process was killed, or its machine is "
                "down; run the same experiment again to resume it",
            )
        ],
    )


def _window() -> timedelta:
    frequency = get_current_settings().flows.heartbeat_frequency or 0
    return max(WINDOW, timedelta(seconds=3 * frequency))


def _ensure(client: SyncPrefectClient, wanted: AutomationCore) -> None:
    """Create or update the automation; duplicates that other processes created are deleted."""
    found = client.read_automations_by_name(NAME)
    if not found:
        client.create_automation(wanted)
        found = client.read_automations_by_name(NAME)
    kept, *others = sorted(found, key=lambda each: each.id.int)  # the same one for every process
    for other in others:
        with contextlib.suppress(PrefectHTTPStatusError):  # another process deleted it
            client.delete_automation(other.id)
    if _definition(kept) != _definition(wanted):  # an update resets its state
        values = wanted.model_dump(exclude={"owner_resource"}) | {"enabled": kept.enabled}
        client.update_automation(kept.id, AutomationCore(**values))


def _definition(given: AutomationCore) -> dict[str, object]:
    return given.model_dump(include={"description", "trigger", "actions"})
