"""One state folder for all proofs of `temper up`: they share its servers, starting at the first.

Its name has what means something in a URI, as the folders of Jenkins do (`job%2Fbranch`). `temper
up` is started in a folder with a `tasks.py` and a package `flows` of a person: see `Up`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.process import finish, runs_of
from tests.support.tiny_experiment import write_experiment
from tests.support.up import Up, up_on

NOTE = "mlflow.note.content"


@dataclass(frozen=True)
class Before:
    """What a run with a temporary server left in the state folder, before any `temper up`.

    Attributes:
        up: the state folder, on which nothing is up yet.
        result: what the run wrote as JSON.
        notes: the page of each run in MLflow, by run.
    """

    up: Up
    result: dict[str, Any]
    notes: dict[str, str]


@pytest.fixture(scope="package")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Before]:
    """The state folder in which the tiny experiment has run once."""
    folder = tmp_path_factory.mktemp("up in job%2Fbranch #1? é")
    with up_on(folder, write_experiment(folder / "data")) as found:
        result = finish(folder, "")
        notes = {run.info.run_id: run.data.tags.get(NOTE, "") for run in runs_of(folder)}
        yield Before(found, result, notes)


@pytest.fixture
def up(before: Before) -> Up:
    """The state folder, and `temper up` on it: still from the test before, or started now."""
    if not before.up.is_running:
        before.up.start()
    return before.up
