"""The ledger of a run: one file per run of an experiment, until everything is reported to MLflow.

    TEMPER_HOME/runs/<id>.json    its process, the artifacts that it uses, and its run in MLflow

It has two purposes. `temper gc` never deletes an artifact that a live run uses. And what could not
be reported while MLflow was unreachable is reported later (`temper sync`).
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from filelock import FileLock, Timeout
from pydantic import AfterValidator, BaseModel, Field

from tasks.machinery.host.files import write_atomically
from tasks.machinery.host.home import home
from tasks.machinery.host.owner import FORGOTTEN, PATTERN, is_alive, this_process
from tasks.machinery.host.small_files import read_small, report
from tasks.machinery.naming.secrets import plain_values, without_credentials

_LOST = (
    "If its run ended without MLflow, the rest of its report is lost; an active run writes the "
    "file again"
)
_LONG = 10.0  # seconds of waiting for a lock after which that is reported


class Use(BaseModel):
    """A stage of a run.

    Attributes:
        title: its name for people.
        artifact: its artifact, as `stage/fingerprint`.
        state: how it ended: completed, cached, FAILED or KILLED; empty while it runs.
        reason: why it did not complete.
        told: whether it is reported to MLflow.
    """

    title: str
    artifact: str
    state: str = ""
    reason: str = ""
    told: bool = False


class Ledger(BaseModel):
    """One run of an experiment.

    `server` is the Prefect server that it uses; empty if it starts a temporary one.
    """

    file: Path
    owner: Annotated[str, Field(pattern=f"^$|{PATTERN}")]
    experiment: str
    tracking_uri: Annotated[str, AfterValidator(without_credentials)]  # older ones had some
    run_id: str
    tags: dict[str, str] = {}
    uses: list[Use] = []
    status: Literal["RUNNING", "FINISHED", "FAILED", "KILLED"] = "RUNNING"
    reason: str = ""
    ended: float = 0.0
    server: str = ""

    @classmethod
    def open(cls, experiment: str, tracking_uri: str, run_id: str, tags: dict[str, str]) -> Ledger:
        """Start the ledger of a run in this process; `tags` are set on its runs in MLflow."""
        file = _folder() / f"{uuid.uuid4().hex}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        ledger = cls(
            file=file,
            owner=this_process(),
            experiment=experiment,
            tracking_uri=tracking_uri,
            run_id=run_id,
            tags=tags,
            server=without_credentials(os.environ.get("PREFECT_API_URL", "")),
        )
        ledger.write()
        return ledger

    @classmethod
    def read(cls, file: Path, values: dict[str, Any]) -> Ledger:
        """The ledger in a file, of the values there."""
        return cls(file=file, **values)

    def write(self) -> None:
        """Write the current state to its file."""
        values = self.model_dump(mode="json", exclude={"file"})
        write_atomically(self.file, plain_values(values))

    def use(self, title: str, artifact: str) -> Use:
        """Use an artifact from now on: it is not deleted while this run is alive."""
        with freeing_lock():
            use = Use(title=title, artifact=artifact)
            self.uses = [*(each for each in self.uses if each.title != title), use]
            self.write()
            return use

    def stopped(self, title: str, status: Literal["FAILED", "KILLED"], reason: str) -> None:
        """Record that a stage did not complete, and why."""
        for use in self.uses:
            if use.title == title:
                use.state, use.reason = status, reason

    def beat(self) -> None:
        """Record that the owner is alive."""
        with contextlib.suppress(FileNotFoundError):  # it was closed a moment ago
            os.utime(self.file)

    def end(self, status: Literal["FINISHED", "FAILED", "KILLED"], reason: str = "") -> None:
        """Record how and when the run ended, so that it can be reported later."""
        self.status, self.reason, self.ended = status, reason, time.time()
        with contextlib.suppress(OSError):  # on a full disk it is reported now, or not at all
            self.write()

    def let_go(self) -> None:
        """Leave the rest of the reporting to another process."""
        self.owner = ""
        with contextlib.suppress(OSError):
            self.write()

    @property
    def is_alive(self) -> bool:
        """Whether its process is running."""
        try:
            seen = self.file.stat().st_mtime
        except FileNotFoundError:  # it was closed a moment ago
            return False
        return is_alive(self.owner, seen)

    @property
    def is_forgotten(self) -> bool:
        """Whether only the final status is unreported, to an MLflow unused for a month."""
        told = all(use.told for use in self.uses if use.state)
        try:
            silent = time.time() - self.file.stat().st_mtime
        except FileNotFoundError:  # it was closed a moment ago
            return False
        return told and silent > FORGOTTEN and not self.is_alive

    @property
    def is_told(self) -> bool:
        """Whether all of it is reported to MLflow."""
        return not self.file.exists()

    def close(self) -> None:
        """Delete the file: everything is reported to MLflow."""
        self.file.unlink(missing_ok=True)


def ledgers() -> list[Ledger]:
    """The ledgers of all runs that are active or not fully reported to MLflow."""
    found = []
    for file in sorted(_folder().glob("*.json")):
        with contextlib.suppress(OSError):
            found.append(read_small(file, partial(Ledger.read, file), _LOST))
    return [ledger for ledger in found if ledger is not None]


def used_by_runs() -> set[str]:
    """The artifacts, as `stage/fingerprint`, that live or unreported runs use."""
    return {
        use.artifact
        for ledger in ledgers()
        for use in ledger.uses
        if ledger.is_alive or (use.state and not use.told)
    }


@contextlib.contextmanager
def freeing_lock() -> Iterator[None]:
    """Exclude the deletion of artifacts and the start of their use from one another.

    Hold it for moments only: rename what is to be deleted, and delete it afterwards.
    """
    _folder().mkdir(parents=True, exist_ok=True)
    with _locked(_folder() / ".lock"):
        yield


@contextlib.contextmanager
def start_lock() -> Iterator[None]:
    """Let one process at a time clean up after dead runs and claim a run to resume.

    Otherwise two starts could resume the same run in MLflow, or one could end what the other
    resumes.
    """
    _folder().mkdir(parents=True, exist_ok=True)
    with _locked(_folder() / ".start.lock"):
        yield


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold a lock of the kernel; waiting for long is reported with its file."""
    lock = FileLock(file)
    try:
        lock.acquire(timeout=_LONG)
    except Timeout:
        report(
            f"waiting for {file}, which another process of Temper holds: `fuser {file}` finds it. "
            "This run continues when it ends"
        )
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _folder() -> Path:
    return home() / "runs"
