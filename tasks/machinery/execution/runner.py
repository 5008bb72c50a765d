"""Runs a stage: fingerprint, reuse or compute, verify, record."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefect import task
from prefect.client.schemas.objects import State
from prefect.states import Cancelled
from prefect.transactions import get_transaction

from tasks.contract import Stage, StageError
from tasks.machinery.execution.arithmetic import arithmetic_kept
from tasks.machinery.execution.delivery import Delivery, metric_prefix
from tasks.machinery.execution.display import Display
from tasks.machinery.execution.monitor import StageMonitor
from tasks.machinery.execution.offloading import asks, offloaded, require_offloading
from tasks.machinery.execution.prefect_results import ByFingerprint, Reference, show_card, show_link
from tasks.machinery.execution.showing import is_whole, key_of_pages, render
from tasks.machinery.execution.summary import StageSummary
from tasks.machinery.host.full_disk import full_disk
from tasks.machinery.naming.secrets import redacting
from tasks.machinery.naming.title import Title
from tasks.machinery.orchestration.cancellation import INTERRUPTIONS
from tasks.machinery.store import rebuilding
from tasks.machinery.store.artifact import REBUILT, Artifact
from tasks.machinery.store.call import Arguments, inputs_of, key_of, paths_of
from tasks.machinery.store.checkpoints import last_step, newest_checkpoint, step_of
from tasks.machinery.store.fingerprint import digest, require_same_code
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.logged_model import model_reference
from tasks.machinery.tracking.outage import reason
from tasks.machinery.tracking.recording import Inputs, Recording, status_of, words_of
from tasks.machinery.tracking.tracked_run import TrackedRun


class StageFailedError(Exception):
    """A stage did not complete; the artifacts of earlier stages are kept."""

    def __init__(self, title: str, cause: BaseException) -> None:
        self.title, self.cause = title, cause
        super().__init__(f"{title} failed: {cause}")


@dataclass
class StageOutcome:
    """How a stage ended, as the table of results and `--output` show it."""

    title: Title
    state: str
    artifact: Artifact
    why: str = ""


@dataclass
class Runner:
    """Runs the stages of one experiment in one flow run.

    Attributes:
        delivery: the reports to MLflow, and the ledger of the artifacts in use.
        display: the terminal.
        refresh: names of stages to recompute although they are in the store.
        outcomes: how each stage ended, filled as they run.
    """

    delivery: Delivery
    display: Display
    refresh: frozenset[str] = frozenset()
    outcomes: list[StageOutcome] = field(default_factory=list)

    @property
    def recording(self) -> Recording:
        """How stages are recorded."""
        return self.delivery.recording

    @property
    def store(self) -> Store:
        """The store of the artifacts."""
        return self.recording.store

    def __call__(self, stage: Stage, label: str = "", /, **arguments: Any) -> Artifact:
        """Reuse the stage if its key is unchanged, or compute it."""
        require_offloading(arguments)
        call = StageCall(self, stage, label, arguments)
        self.display.started(str(call.title))
        begun = time.monotonic()
        try:
            outcome = self._outcome(call)
        except Exception as problem:
            self.display.finished(str(call.title), "failed", time.monotonic() - begun, "")
            cause = call.failure or problem
            cause = full_disk(cause, self.store.root) or cause
            self.delivery.stop(call.title, cause)
            raise StageFailedError(str(call.title), cause) from None
        except BaseException as problem:
            self.delivery.stop(call.title, problem)
            self.display.interrupted(str(call.title), call.last_step)
            raise
        self.outcomes.append(outcome)
        self.display.finished(str(call.title), call.state, time.monotonic() - begun, call.why)
        if outcome.state == "cached":
            for warning in str(outcome.artifact.facts.get("warning", "")).splitlines():
                self.display.remark(f"{call.title}: Warning: {warning}")
        return outcome.artifact

    def _outcome(self, call: StageCall) -> StageOutcome:
        stage = call.stage
        use = self.delivery.begin(call.title, f"{stage.name}/{call.fingerprint[:32]}")
        run_task = task(
            name=stage.name,
            task_run_name=str(call.title),
            cache_policy=ByFingerprint(fingerprint=call.fingerprint),
            refresh_cache=call.refresh,
            persist_result=True,
            result_serializer="json",
        )(redacting()(call.compute_unless_interrupted))
        state = run_task(return_state=True)
        if call.interruption is not None:
            raise call.interruption
        if state.is_failed() or state.is_crashed():
            raise _exception(state)
        artifact = state.result().artifact()  # type: ignore[union-attr]  # a reference
        artifact.use(self.delivery.experiment)
        self.store.clean(artifact.folder)
        self.show(call, artifact)
        self.delivery.end(use, call.state)
        show_card(artifact, str(call.title), self.recording.page_of(artifact))
        return StageOutcome(call.title, call.state, artifact, call.why)

    def show(self, call: StageCall, artifact: Artifact) -> None:
        """Render the pages of an artifact again if the code that shows it has changed."""
        stage = call.stage
        if stage.show and not is_whole(artifact.folder, key_of_pages(stage, artifact)):
            with self.store.locked(artifact.stage, artifact.fingerprint, call.waiting):
                call.render(artifact)

    def stages(self) -> list[StageSummary]:
        """How each stage ended."""
        return [
            StageSummary(
                name=outcome.title,
                state=outcome.state,
                fingerprint=outcome.artifact.fingerprint,
                run_id=outcome.artifact.record.get("run_id", ""),
                seconds=round(outcome.artifact.seconds, 3),
                path=str(outcome.artifact.path),
                pages=str(outcome.artifact.pages) if outcome.artifact.pages.is_dir() else "",
                model=model_reference(outcome.artifact),
            )
            for outcome in self.outcomes
        ]

    def metrics(self) -> dict[str, float]:
        """All metrics of the experiment, by the names they have on its run."""
        return {
            f"{prefix}/{name}": value
            for outcome in self.outcomes
            if (prefix := metric_prefix(outcome.title))
            for name, value in outcome.artifact.metrics.items()
        }


def _exception(state: Any) -> BaseException:
    result = state.result(raise_on_failure=False)
    return result if isinstance(result, BaseException) else RuntimeError(state.message)


@dataclass
class StageCall:
    """One stage with its arguments, about to run as a Prefect task."""

    runner: Runner
    stage: Stage
    label: str
    arguments: Arguments
    state: str = "cached"
    why: str = ""
    failure: BaseException | None = None
    interruption: BaseException | None = None

    def __post_init__(self) -> None:
        self.key = key_of(self.stage, self.arguments)
        self.fingerprint = digest(self.key)
        self.title = Title(self.stage.name, self.label)
        self.refresh = self.stage.name in self.runner.refresh

    @property
    def last_step(self) -> int:
        """The step of the newest checkpoint; 0 if there is none."""
        folder = self.runner.store.folder(self.stage.name, self.fingerprint)
        return last_step(folder / "checkpoints")

    def compute_unless_interrupted(self) -> Reference | State[Any]:
        """The task; an interruption ends it as cancelled, where Prefect would call it a crash."""
        try:
            return self.compute()
        except INTERRUPTIONS as problem:
            self.interruption = problem
            step = self.last_step
            kept = f"checkpoint of step {step:,}" if step else "without a checkpoint"
            problem.add_note(f"interrupted in {self.title}, {kept}; run it again to resume")
            transaction = get_transaction()
            if transaction is not None:
                transaction.write_on_commit = False  # there is no result to cache
            return Cancelled(message=problem.__notes__[-1])

    def compute(self) -> Reference:
        """The task, after a miss in Prefect's cache: look in the store, else compute."""
        store = self.runner.store
        experiment = self.runner.delivery.experiment
        with store.locked(
            self.stage.name, self.fingerprint, self.waiting, experiment=experiment
        ) as folder:
            found = store.load(self.stage.name, self.fingerprint)
            damage = found.damage() if found else None
            if found is None or damage or self.refresh:
                if found is not None:
                    store.set_aside(folder)
                self.state = "completed"
                self.why = f"recomputed: {damage}" if damage else ""
                try:
                    self._compute(folder)
                except BaseException as problem:
                    self.failure = problem
                    raise
        return Reference(stage=self.stage.name, fingerprint=self.fingerprint)

    def waiting(self, owner: str) -> None:
        """Show for which process the stage waits."""
        self.runner.display.say(f"{self.title} is waiting for {owner}")

    def _compute(self, folder: Path) -> None:
        """Compute into the folder, under a run in MLflow whose status is true."""
        runner, recording = self.runner, self.runner.recording
        checkpoint = newest_checkpoint(folder / "checkpoints")
        if checkpoint is not None:
            self.why = f"resumed from step {step_of(checkpoint):,}"
        inputs = {name: given.artifact for name, given in inputs_of(self.arguments).items()}

        def begin() -> TrackedRun | None:
            return recording.begin(str(self.title), self.fingerprint, self.key, folder, inputs)

        title, check = str(self.title), lambda: runner.store.check_held(folder)
        monitor = StageMonitor(
            title, folder, begin(), runner.display, check, draw=self.stage.load_draw()
        )
        try:
            if monitor.run is not None:
                show_link(recording.address(monitor.run))
            with monitor.taking_up(begin):
                artifact = self._call(folder, monitor, inputs)
            self.render(artifact)
            monitor.end()
            recording.finish(monitor.run, title, artifact)
        except BaseException as problem:
            if monitor.run is not None:
                monitor.run.close(status_of(problem), words_of(problem))
            raise

    def _call(self, folder: Path, monitor: StageMonitor, inputs: Inputs) -> Artifact:
        """Call the stage's function, and store its output."""
        store, begun = self.runner.store, time.monotonic()
        _require_undamaged(inputs)
        function = self.stage.load()
        loaded = self._loaded()
        require_same_code(loaded)
        output = store.begin(folder)
        with self._arithmetic(monitor):
            paths = paths_of(self.arguments)
            with self._offloading():
                metrics = function(**paths, out=output, monitor=monitor)
            if (output / REBUILT).is_file():
                rebuilding.keep(output, paths[rebuilding.reading(output).reads])
        require_same_code(self._loaded() - loaded)
        seconds, reads = time.monotonic() - begun, {k: each.name for k, each in inputs.items()}
        seconds += float(monitor.facts.get("seconds_before", 0))  # until it was interrupted
        done = store.complete(folder, self.key, metrics, monitor.facts, seconds, reads=reads)
        if why := rebuilding.spare(done):
            self.runner.display.say(f"{self.title} is stored with its whole model: {why}")
        return done

    def _offloading(self) -> AbstractContextManager[None]:
        return offloaded() if any(map(asks, self.arguments.values())) else nullcontext()

    def _arithmetic(self, monitor: StageMonitor) -> AbstractContextManager[None]:
        """Keep and record threads and kernels, where the stage computes with torch."""
        if "torch" not in self.stage.libraries:
            return nullcontext()
        trains = "checkpoints" in self.arguments
        return arithmetic_kept(monitor, monitor.checkpoints if trains else None)

    def render(self, artifact: Artifact) -> None:
        """Render the pages of an artifact, whose folder is locked.

        The artifact stays complete even if its pages fail, so a page that cannot be rendered is
        reported, and the run continues.
        """
        try:
            render(self.stage, artifact)
        except Exception as problem:
            self.runner.display.say(
                f"the page of {self.title} cannot be rendered: {reason(problem)}"
            )

    def _loaded(self) -> set[str]:
        """The modules of the key that this process has imported."""
        return self.key["code"].keys() & sys.modules.keys()


def _require_undamaged(inputs: Inputs) -> None:
    """Check the artifacts that a stage is about to read: hours may lie behind their last check.

    Raises:
        StageError: one was altered meanwhile.
    """
    for name, artifact in inputs.items():
        damage = artifact.damage()
        if damage:
            raise StageError(
                f"{name} was altered after this run began: {artifact.path}: {damage}. Run the same "
                "command again: it recomputes what is damaged"
            )
