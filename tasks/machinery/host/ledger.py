"""What the runs of experiments use and did: a file for each, until MLflow has been told it all.

    TEMPER_HOME/runs/<id>.json    who runs it, which artifacts it uses, which run in MLflow it is

Two things rely on it. An artifact that a living run uses is never freed. And what MLflow could not
be told, because it could not be reached, is told later (`temper sync`).
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from filelock import FileLock
from pydantic import BaseModel

from tasks.machinery.host.files import write_atomically
from tasks.machinery.host.home import home
from tasks.machinery.host.owner import FORGOTTEN, is_alive, this_process


class Use(BaseModel):
    """A stage of a run.

    Attributes:
        title: what people read for it.
        artifact: its artifact, as `stage/fingerprint`.
        state: how it ended: completed, cached, FAILED or KILLED; empty while it has not.
        reason: why it did not complete.
        told: whether MLflow knows.
    """

    title: str
    artifact: str
    state: str = ""
    reason: str = ""
    told: bool = False


class Ledger(BaseModel):
    """One run of an experiment.

    `server` is the Prefect server that it uses; empty with one of its own.
    """

    file: Path
    owner: str
    experiment: str
    tracking_uri: str
    run_id: str
    tags: dict[str, str] = {}
    uses: list[Use] = []
    status: Literal["RUNNING", "FINISHED", "FAILED", "KILLED"] = "RUNNING"
    reason: str = ""
    ended: float = 0.0
    server: str = ""

    @classmethod
    def open(cls, experiment: str, tracking_uri: str, run_id: str, tags: dict[str, str]) -> Ledger:
        """The ledger of a run that begins in this process; `tags` are what its runs carry."""
        file = _folder() / f"{uuid.uuid4().hex}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        ledger = cls(
            file=file,
            owner=this_process(),
            experiment=experiment,
            tracking_uri=tracking_uri,
            run_id=run_id,
            tags=tags,
            server=os.environ.get("PREFECT_API_URL", ""),
        )
        ledger.write()
        return ledger

    def write(self) -> None:
        """Keep it as it is now."""
        write_atomically(self.file, self.model_dump(mode="json", exclude={"file"}))

    def use(self, title: str, artifact: str) -> Use:
        """Use an artifact from now on: it is not freed while this run lives."""
        with freeing_lock():
            use = Use(title=title, artifact=artifact)
            self.uses = [*(each for each in self.uses if each.title != title), use]
            self.write()
            return use

    def stopped(self, title: str, status: Literal["FAILED", "KILLED"], reason: str) -> None:
        """Keep that a stage did not complete, and why."""
        for use in self.uses:
            if use.title == title:
                use.state, use.reason = status, reason

    def beat(self) -> None:
        """Say that the owner lives."""
        with contextlib.suppress(FileNotFoundError):  # it was closed a moment ago
            os.utime(self.file)

    def end(self, status: Literal["FINISHED", "FAILED", "KILLED"], reason: str = "") -> None:
        """Keep how and when the run ended, so that it can be told later."""
        self.status, self.reason, self.ended = status, reason, time.time()
        with contextlib.suppress(OSError):  # on a full disk it is told now, or not at all
            self.write()

    def let_go(self) -> None:
        """The owner will not tell the rest: whoever comes next may."""
        self.owner = ""
        with contextlib.suppress(OSError):
            self.write()

    @property
    def is_alive(self) -> bool:
        """Whether its process still runs."""
        try:
            seen = self.file.stat().st_mtime
        except FileNotFoundError:  # it was closed a moment ago
            return False
        return is_alive(self.owner, seen)

    @property
    def is_forgotten(self) -> bool:
        """Whether only its end is left to be told, to an MLflow that nobody asks any more."""
        told = all(use.told for use in self.uses if use.state)
        try:
            silent = time.time() - self.file.stat().st_mtime
        except FileNotFoundError:  # it was closed a moment ago
            return False
        return told and silent > FORGOTTEN and not self.is_alive

    @property
    def is_told(self) -> bool:
        """Whether MLflow has been told all of it."""
        return not self.file.exists()

    def close(self) -> None:
        """MLflow has been told all: nothing is left to keep."""
        self.file.unlink(missing_ok=True)


def ledgers() -> list[Ledger]:
    """The ledgers of all runs that go on, or that MLflow has not been told all of."""
    found = []
    for file in sorted(_folder().glob("*.json")):
        with contextlib.suppress(OSError, ValueError):
            found.append(Ledger(file=file, **json.loads(file.read_text())))
    return found


def used_by_runs() -> set[str]:
    """The artifacts, as `stage/fingerprint`, that living runs use or MLflow is yet to be told."""
    return {
        use.artifact
        for ledger in ledgers()
        for use in ledger.uses
        if ledger.is_alive or (use.state and not use.told)
    }


@contextlib.contextmanager
def freeing_lock() -> Iterator[None]:
    """Nothing is freed while something is being taken into use, and the other way round.

    Hold it for moments only: move what is to be freed out of the way, and delete it afterwards.
    """
    _folder().mkdir(parents=True, exist_ok=True)
    with FileLock(_folder() / ".lock"):
        yield


@contextlib.contextmanager
def start_lock() -> Iterator[None]:
    """One process at a time looks after what others left, and takes a run for its own.

    Two starts would else go on with the same run in MLflow, or one end what the other goes on with.
    """
    _folder().mkdir(parents=True, exist_ok=True)
    with FileLock(_folder() / ".start.lock"):
        yield


def _folder() -> Path:
    return home() / "runs"
