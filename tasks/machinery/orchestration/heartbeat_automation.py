"""Flow runs whose process was killed, found by the Prefect server alone: an automation on it.

A process that is killed cannot tell anybody, and Prefect believes for ever that its flow run is
running. The next start of an experiment closes it (`orphans.py`). Where a server stays up, it need
not wait for one: Prefect's flow engine sends a heartbeat every three minutes, from a thread that a
training does not starve, and this automation sets a flow run to crashed from which neither another
heartbeat nor an end has come for three of them. One heartbeat lost, or late by minutes on a
machine that is very busy, ends nothing. A run that is taken for dead all the same (its machine
slept) goes on, and is completed when it ends.

So a run that was killed is crashed six to nine minutes after. What an automation cannot do: close
its task runs, and its runs in MLflow. The next start does (`orphans.close_what_is_gone`).

It is about flow runs of the flows named in `FLOWS`. On a server that is shared with others, theirs
of the same name are crashed too once their heartbeats stop. Whoever does not want it disables it in
the UI: that is respected. What else is changed there is set back.
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
FLOWS = ("experiment", "pretrain", "finetune", "evaluate", "retrain")
WINDOW = timedelta(seconds=540)  # three heartbeats of 180 s, which is Prefect's default
HEARTBEAT = "prefect.flow-run.heartbeat"
_TURN = 60.0  # seconds to wait for the others
# A run that waits, for a person or for its next attempt, sends no heartbeats either.
ENDS = ("Completed", "Failed", "Crashed", "Cancelled", "TimedOut", "Paused", "Suspended")
WAITS = ("Scheduled", "AwaitingRetry", "Late", "Pending")


def ensure_automation(window: timedelta | None = None) -> None:
    """Have the server crash flow runs whose heartbeats stop; nothing with a temporary server.

    Never fails: a server without automations is told of in a warning.

    Args:
        window: silence after which a flow run counts as gone; `WINDOW`, or three heartbeats where
            they are set to be rarer.
    """
    if not PREFECT_API_URL.value():
        return
    try:
        # One process of a state folder at a time: where twenty begin at once, each would make one,
        # and the server complains of those that are deleted while it counts with them.
        with (
            FileLock(home() / "automation.lock", timeout=_TURN),
            get_client(sync_client=True) as client,
        ):
            _ensure(client, automation(window or _window()))
    except Exception as problem:  # whatever a server answers: it is no reason not to train
        LOGGER.warning(
            "the Prefect server takes no automation (%s: %s): flow runs that are killed show as "
            "running until the next start",
            type(problem).__name__,
            str(problem).partition("\n")[0][:200],
        )


def automation(window: timedelta) -> AutomationCore:
    """The automation: crash a flow run when nothing has come from it for so long."""
    minutes = f"{window.total_seconds() / 60:.3g} minutes"
    return AutomationCore(
        name=NAME,
        description=f"No heartbeat for {minutes}: the process was killed, or its machine is gone.",
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
                force=False,  # a run that has ended stays as it ended, whatever comes too late
                message=f"no heartbeat for {minutes}: its process was killed, or its machine is "
                "gone; the same experiment goes on from where it was",
            )
        ],
    )


def _window() -> timedelta:
    frequency = get_current_settings().flows.heartbeat_frequency or 0
    return max(WINDOW, timedelta(seconds=3 * frequency))


def _ensure(client: SyncPrefectClient, wanted: AutomationCore) -> None:
    """One automation of that name, as wanted: of two that two processes made, one is deleted."""
    found = client.read_automations_by_name(NAME)
    if not found:
        client.create_automation(wanted)
        found = client.read_automations_by_name(NAME)
    kept, *others = sorted(found, key=lambda each: each.id.int)  # the same one for every process
    for other in others:
        with contextlib.suppress(PrefectHTTPStatusError):  # another process was quicker
            client.delete_automation(other.id)
    if _definition(kept) != _definition(wanted):  # an update forgets whom it watches
        values = wanted.model_dump(exclude={"owner_resource"}) | {"enabled": kept.enabled}
        client.update_automation(kept.id, AutomationCore(**values))


def _definition(given: AutomationCore) -> dict[str, object]:
    return given.model_dump(include={"description", "trigger", "actions"})
