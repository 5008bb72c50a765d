"""One run of a recipe: the objects that it needs, and the context manager that opens it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.machinery.execution.delivery import Delivery, deliver_all
from tasks.machinery.execution.display import Display
from tasks.machinery.execution.runner import Runner
from tasks.machinery.host.digest_memo import Verification, verifying
from tasks.machinery.host.home import store_folder
from tasks.machinery.host.ledger import Ledger, start_lock
from tasks.machinery.orchestration.flow_tags import flow_tags
from tasks.machinery.orchestration.gone_flow_runs import close_flow_runs
from tasks.machinery.store.fingerprint import digest, flatten
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.code_version import code_version
from tasks.machinery.tracking.distinguishing import changed_values, without_new_data
from tasks.machinery.tracking.recording import Recording
from tasks.machinery.tracking.tags import EXPERIMENT, STAGE
from tasks.machinery.tracking.tracked_run import TrackedRun
from tasks.machinery.tracking.tracking import Tracking


@dataclass(frozen=True)
class Work:
    """What a flow run is to do.

    Attributes:
        kind: what it is, as tag STAGE of its run in MLflow: experiment, pretrain, ….
        name: its experiment in MLflow.
        title: name of its run.
        values: its parameters: the values of all fields that count.
        tags: further tags of its run.
        resumes: whether it resumes an interrupted run of the same values. Only such a run is listed
            among those of experiments; another one, such as a judgement, is a step of a larger run.
        is_named: whether its title says by itself what distinguishes it. Otherwise the name of the
            run begins with what changed since the run before it.
    """

    kind: str
    name: str
    title: str
    values: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)
    resumes: bool = True
    is_named: bool = True

    @property
    def identity(self) -> str:
        """The same for a run that resumes an interrupted one."""
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


@contextlib.contextmanager
def opened(
    work: Work,
    display: Display,
    refresh: Sequence[str] = (),
    verify: Verification = "quick",
) -> Iterator[Runner]:
    """Open a run in MLflow for a block that calls stages, in the flow run of the caller.

    First MLflow gets what earlier runs could not report, and dead runs are closed. However the
    block ends, MLflow gets the status; later, if it is unreachable.

    Args:
        work: what the block does.
        display: where progress is shown.
        refresh: names of stages to recompute although they are in the store.
        verify: how cached files are checked.
    """
    store, tracking = Store(store_folder()), Tracking(work.name, display.say)
    tags = code_version() | flow_tags()
    with start_lock():
        deliver_all(tracking, store)
        close_flow_runs(tracking.close_dead_runs())
        parent = _open_parent(tracking, work, tags)
        ledger = Ledger.open(work.name, tracking.uri, parent.run_id, tags)
    parent.beating = ledger.beat
    delivery = Delivery(ledger, Recording(tracking, parent, tags, store))
    with verifying(verify), delivery.concluded(display.say):
        parent.params(work.parameters)
        yield Runner(delivery, display, frozenset(refresh))


def _open_parent(tracking: Tracking, work: Work, tags: dict[str, str]) -> TrackedRun:
    """The parent run: the interrupted run of the same work, or a new one."""
    own = tags | {STAGE: work.kind} | dict(work.tags)
    if not work.resumes:
        return tracking.open(work.title, own)
    title = work.title if work.is_named else _distinguished(tracking, work)
    run = tracking.interrupted(title, EXPERIMENT, work.identity)
    if run is None:
        return tracking.open(title, own | {EXPERIMENT: work.identity})
    run.tags(tags)
    return run


def _distinguished(tracking: Tracking, work: Work) -> str:
    """The title of some work, after what changed since the run before it."""
    same = tracking.newest_finished(EXPERIMENT, work.identity)
    if same is not None:
        return without_new_data(same.info.run_name)
    before = tracking.newest_finished(STAGE, work.kind)
    changed = changed_values(before.data.params, work.parameters) if before else ""
    return f"{changed} · {work.title}" if changed else work.title
