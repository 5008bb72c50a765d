"""An artifact is put in place whole, and knows what it was made of and who used it."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tasks.machinery.host.digest_memo import SETTLED
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.fingerprint import digest
from tasks.machinery.store.store import Store

KEY = {"stage": "toy", "part": {}, "inputs": {}, "code": {}, "libraries": {}}


@pytest.fixture
def store(home: Path) -> Store:
    return Store(home / "store")


def put(store: Store, text: str = "one", **more) -> Artifact:
    """Compute an artifact with two files."""
    with store.locked("toy", digest(KEY)) as folder:
        writing = store.begin(folder)
        (writing / "model").mkdir()
        (writing / "model" / "weights.bin").write_text(text)
        (writing / "words.txt").write_text(text)
        return store.complete(folder, KEY, {"loss": 0.5}, {"precision": "fp32"}, 1.0, **more)


def test_an_artifact_is_found_by_its_name_with_what_it_was_made_of(store: Store) -> None:
    made = put(store, reads={"corpus": "corpus/0123"})
    assert made.name == f"toy/{digest(KEY)[:32]}"
    found = store.named(made.name)
    assert found == made
    assert found is not None
    assert found.reads == {"corpus": "corpus/0123"}
    assert store.named("toy/0123") is None
    assert store.named("toy") is None


def test_what_an_artifact_was_made_of_is_not_in_its_key(store: Store) -> None:
    assert put(store).fingerprint == put(store, reads={"corpus": "corpus/4567"}).fingerprint


def test_it_is_kept_when_which_experiment_last_used_an_artifact(store: Store) -> None:
    made = put(store)
    for name in ("demo", "other", "demo"):
        made.use(name)
    assert set(made.used) == {"demo", "other"}
    used = datetime.fromisoformat(made.used["demo"])
    assert timedelta(0) <= datetime.now(UTC) - used < timedelta(minutes=1)
    kept = json.loads((made.folder / "used.json").read_text())
    assert kept == {"experiments": made.used}


def test_using_what_is_being_freed_makes_nothing(store: Store) -> None:
    made = put(store)
    shutil.rmtree(made.folder)
    made.use("demo")
    assert not made.folder.exists()
    assert made.used == {}


def _use(artifact: Artifact, name: str) -> None:
    artifact.use(name)


def test_many_processes_may_use_an_artifact_at_once(store: Store) -> None:
    made = put(store)
    names = [f"experiment {number}" for number in range(24)]
    with multiprocessing.get_context("fork").Pool(8) as pool:
        pool.starmap(_use, [(made, name) for name in names])
    assert sorted(made.used) == sorted(names)
    assert [file.name for file in made.folder.iterdir() if file.name.startswith(".")] == []


@pytest.mark.parametrize("name", ["words.txt", "model/weights.bin"])
def test_files_that_are_missing_truncated_or_altered_are_named(store: Store, name: str) -> None:
    made = put(store)
    file = made.path / name
    assert made.damage() is None
    file.write_text("on")
    assert made.damage() == f"{name} differs"
    file.write_text("two")
    assert made.damage() == f"{name} differs"
    file.unlink()
    assert made.damage() == f"{name} is missing"


def test_an_altered_byte_shows_although_the_file_has_its_old_time(store: Store) -> None:
    made = put(store)
    time.sleep(SETTLED + 0.1)
    assert made.damage() is None  # from here on its digest is remembered
    file, times = made.path / "words.txt", (made.path / "words.txt").stat()
    with file.open("r+b") as opened:
        opened.write(b"O")
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert made.damage() == "words.txt differs"


def test_what_an_earlier_try_left_is_not_in_the_artifact(store: Store) -> None:
    with store.locked("toy", digest(KEY)) as folder:
        (store.begin(folder) / "half.txt").write_text("half")
    made = put(store)
    assert sorted(made.files) == ["model/weights.bin", "words.txt"]
    assert not (made.folder / "writing").exists()


def test_an_artifact_stays_until_another_replaces_it(store: Store) -> None:
    put(store)
    with store.locked("toy", digest(KEY)) as folder:
        (store.begin(folder) / "words.txt").write_text("two")
        found = store.load("toy", digest(KEY))
        assert found is not None
        assert found.damage() is None
    assert put(store, "three").damage() is None
