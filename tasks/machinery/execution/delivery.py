"""Reports a run's results to MLflow: when it ends, or later if MLflow was unreachable.

A run that ended while MLflow was unreachable leaves its ledger behind, and the store contains all
that is to be reported. The next run of any experiment reports it, and so does `temper sync`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tasks.contract import StageError
from tasks.machinery.execution.summary import TrackingSummary
from tasks.machinery.host.ledger import Ledger, Use, ledgers
from tasks.machinery.naming.metric_name import DOWNSTREAM
from tasks.machinery.naming.title import Title
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.fingerprint import digest
from tasks.machinery.store.lease import Waiting
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.distinguishing import changed_data
from tasks.machinery.tracking.links import note_of
from tasks.machinery.tracking.logged_model import as_dataset
from tasks.machinery.tracking.outage import is_outage, reason
from tasks.machinery.tracking.recording import Recording, leaving_on_failure, status_of, words_of
from tasks.machinery.tracking.results_view import renew_view
from tasks.machinery.tracking.tags import (
    EXPERIMENT,
    NOTE,
    RESULTS,
    STAGE_OF,
    STAGES,
    TEST_ROWS_OF,
    VERSIONS,
    UsedStage,
    versions_text,
)
from tasks.machinery.tracking.tracked_run import Status, promptly
from tasks.machinery.tracking.tracking import GONE, Tracking

LATER = "MLflow does not have all of this run yet; the next run or `temper sync` reports the rest"
PATIENCE = 30.0  # seconds that the end of a run waits for MLflow to come back
_PAUSE = 3.0


# Stages behind the evaluation of a problem.
BEHIND = (
    *("calibration", "slices", "transfer", "learning-curve", "mislabelled", "near-duplicates"),
    *("forgetting", "explanation", "probing"),
)


def metric_prefix(title: Title) -> str:
    """The prefix of a stage's metrics on the experiment's run; empty if they are not there."""
    if title.stage in ("evaluation", "leakage") and title.is_of_reference:
        return ""  # of a further test set
    if title.stage in ("evaluation", "leakage", *BEHIND):
        return f"{DOWNSTREAM}/{title.problem}"
    return title.stage if title.stage in ("pretraining", "judgement") else ""


@dataclass(frozen=True)
class Delivery:
    """The reports of one run of an experiment to MLflow.

    Attributes:
        ledger: what the run used and did.
        recording: where it is reported.
    """

    ledger: Ledger
    recording: Recording

    @property
    def experiment(self) -> str:
        """Name of the experiment."""
        return self.ledger.experiment

    @property
    def summary(self) -> TrackingSummary:
        """Where MLflow has the run."""
        tracking, parent = self.recording.tracking, self.recording.parent
        return TrackingSummary(
            tracking_uri=tracking.uri,
            url=self.recording.address(parent),
            experiment_id=parent.experiment_id,
            run_id=parent.run_id,
            delivered=self.ledger.is_told,
        )

    def begin(self, title: Title, artifact: str) -> Use:
        """Record that the run uses an artifact, named `stage/fingerprint`, from now on."""
        return self.ledger.use(str(title), artifact)

    def end(self, use: Use, state: str) -> None:
        """Record that a stage is completed or cached, and report it to MLflow, now or later."""
        use.state = state
        tracking = self.recording.tracking
        if not tracking.is_resting:
            try:
                self.tell_stage(use)
                use.told = True
            except Exception as problem:
                if not is_outage(problem):
                    raise
                tracking.rest()
                tracking.say(f"{use.title} will be reported to MLflow later: {reason(problem)}")
        self.ledger.write()

    def stop(self, title: Title, problem: BaseException) -> None:
        """Record that a stage failed or was interrupted."""
        status = status_of(problem)
        self.ledger.stopped(str(title), status, words_of(problem))

    def tell_stage(self, use: Use) -> None:
        """Record a stage if MLflow does not have it, and complete the experiment's run.

        Raises:
            Exception: MLflow is unreachable, or rejects it.
        """
        store, tracking = self.recording.store, self.recording.tracking
        stage, _, fingerprint = use.artifact.partition("/")
        if use.state in ("FAILED", "KILLED"):
            status: Status = "FAILED" if use.state == "FAILED" else "KILLED"
            folder = store.folder(stage, fingerprint)
            self.recording.record_failure(use.title, folder, status, use.reason)
            return
        if store.named(use.artifact) is None:  # it was deleted
            return
        with store.locked(stage, fingerprint, self._waiting(use.title)):
            artifact = store.named(use.artifact)
            if artifact is None:
                return
            if not artifact.record or not tracking.knows(artifact.record):
                if artifact.damage():  # a damaged artifact is not reported
                    return
                self.recording.record(use.title, artifact)
            elif artifact.record.get("pages", "") != artifact.pages_key != "":
                self.recording.show(artifact)
        self._tell_parent(use, artifact)

    def _waiting(self, title: str) -> Waiting:
        return lambda owner: self.recording.tracking.say(
            f"the report of {title} to MLflow is waiting for {owner}"
        )

    def _tell_parent(self, use: Use, artifact: Artifact) -> None:
        parent = self.recording.parent
        dataset = as_dataset(artifact)
        if dataset is not None:
            parent.reads({use.title: dataset})
        tags = {
            f"{STAGE_OF}{use.title}": str(
                UsedStage(
                    state=use.state,
                    run_id=artifact.record["run_id"],
                    artifact=use.artifact,
                    digest=artifact.whole.digest[:16],
                )
            )
        }
        if "test.parquet" in artifact.files:  # what the results of a problem were measured on
            label = Title.parse(use.title).label
            tags[f"{TEST_ROWS_OF}{label}"] = artifact.files["test.parquet"][:16]
        parent.tags(tags)
        if "model_id" in artifact.record:
            parent.makes(artifact.record["model_id"])
        title = Title.parse(use.title)
        prefix = metric_prefix(title)
        if prefix:
            parent.result({f"{prefix}/{k}": v for k, v in artifact.metrics.items()})
        if title.stage == "judgement":  # its row shows the challenger's result as other rows do
            of_challenger = f"{DOWNSTREAM}/{title.problem}/"
            parent.result(
                {
                    k.replace("challenger/", of_challenger, 1): v
                    for k, v in artifact.metrics.items()
                    if k.startswith("challenger/")
                }
            )

    def tell_rest(self) -> None:
        """Report everything that is unreported, end the run, and close the ledger.

        Raises:
            Exception: MLflow is unreachable, or rejects it.
        """
        ledger, parent = self.ledger, self.recording.parent
        for use in ledger.uses:
            if not use.told and use.state:
                self.tell_stage(use)
                use.told = True
        if ledger.status == "FINISHED":
            self._describe()
            self._tell_new_data()
        if ledger.status != "RUNNING":
            parent.finish(ledger.status, ledger.reason, ledger.ended or None)
        if ledger.status == "FINISHED":
            renew_view(parent.client, parent.experiment_id)
        ledger.close()

    def _describe(self) -> None:
        """Put the page of results into the run's description, which a person sees first."""
        uses, parent, store = self.ledger.uses, self.recording.parent, self.recording.store
        cached = sum(use.state == "cached" for use in uses)
        names = [use.artifact for use in uses]
        libraries: dict[str, str] = {}
        for artifact in filter(None, map(store.named, names)):
            libraries |= artifact.key["libraries"]
        parent.tags(
            {
                RESULTS: digest(names),
                STAGES: f"{cached} of {len(uses)} cached",
                VERSIONS: versions_text(libraries),
            }
        )
        report = store.named(uses[-1].artifact) if uses else None
        page = report.pages / "card.md" if report is not None else None
        if report is not None and page is not None and page.is_file() and not report.damage():
            parent.artifacts(page.parent, report.page_names)
            parent.tags({NOTE: note_of(self.recording.tags, page.read_text())})

    def _tell_new_data(self) -> None:
        """Begin the name of a run with the data that changed, if it has the values of another."""
        tracking, parent = self.recording.tracking, self.recording.parent
        found = tracking.client.get_run(parent.run_id)
        same = found.data.tags.get(EXPERIMENT, "")
        if not same:
            return
        before = tracking.newest_finished(EXPERIMENT, same, before=found.info.start_time)
        changed = changed_data(before.data.tags, found.data.tags) if before else ""
        if changed and not found.info.run_name.startswith(changed):
            tracking.client.update_run(parent.run_id, name=f"{changed} · {found.info.run_name}")

    @contextlib.contextmanager
    def concluded(self, say: Callable[[str], None]) -> Iterator[None]:
        """Report the end of the run to MLflow however the block ends, now or later."""
        try:
            yield
        except BaseException as problem:
            self.ledger.end(status_of(problem), words_of(problem))
            try:
                promptly(self.tell_rest)
            except Exception as second:  # the first problem is the one to show
                self._leave()
                say(f"{LATER}: {reason(second)}")
            raise
        self.ledger.end("FINISHED")
        if not self.tell_rest_patiently():
            self._leave()
            say(LATER)

    def _leave(self) -> None:
        """Stop reporting; a later run reports the rest."""
        self.recording.parent.leave()
        self.ledger.let_go()

    def tell_rest_patiently(self) -> bool:
        """Report everything, waiting a while for MLflow to be reachable again.

        Returns:
            Whether it was reported; otherwise the ledger is left for later.
        """
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self.tell_rest()
            except Exception as problem:
                if not is_outage(problem):
                    raise
                if time.monotonic() > until:
                    return False
                time.sleep(_PAUSE)
            else:
                return True


def undelivered() -> list[Ledger]:
    """The ledgers of finished runs that are not fully reported to MLflow."""
    return [ledger for ledger in ledgers() if not ledger.is_alive]


def deliver(ledger: Ledger, tracking: Tracking, store: Store) -> bool:
    """Report the rest of a finished run to MLflow. Call it under the `start_lock`.

    Returns:
        Whether it was reported: its run may be deleted, or another process may have resumed it.

    Raises:
        StageError: the run is in another MLflow.
        Exception: MLflow is unreachable, or rejects it.
    """
    if ledger.tracking_uri != tracking.uri:
        raise StageError(
            f"a run of {ledger.experiment!r} belongs to MLflow at {ledger.tracking_uri}, but this "
            f"is {tracking.uri}: set MLFLOW_TRACKING_URI={ledger.tracking_uri}"
        )
    found = tracking.find(ledger.run_id)
    gone_on_with = any(other.is_alive and other.run_id == ledger.run_id for other in ledgers())
    if found is None or gone_on_with:
        ledger.close()
        return False
    if ledger.status == "RUNNING":
        ledger.status, ledger.reason = "KILLED", GONE
    here = tracking.within(found.info.experiment_id)
    parent = here.reopen(ledger.run_id, found.info.run_name, finished=True)
    if parent is not None:
        with leaving_on_failure(parent):
            Delivery(ledger, Recording(here, parent, ledger.tags, store)).tell_rest()
    return parent is not None


def deliver_all(tracking: Tracking, store: Store) -> list[str]:
    """Report the rest of earlier runs to this MLflow; call it under the `start_lock`.

    A failed report causes a message and is left for the next time; it does not prevent a start.
    Reports for another MLflow are left for that one; for a month if only the status is missing.

    Returns:
        The experiments, one for each reported run.
    """
    reported = []
    for ledger in undelivered():
        if ledger.tracking_uri != tracking.uri:
            if ledger.is_forgotten:
                ledger.close()
            continue
        try:
            if deliver(ledger, tracking, store):
                reported.append(ledger.experiment)
        except Exception as problem:
            tracking.say(
                f"could not report a run of {ledger.experiment!r} to MLflow: {reason(problem)}"
            )
    return reported
