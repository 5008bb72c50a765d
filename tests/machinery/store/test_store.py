"""An artifact is put in place whole, and knows what it was made of and who used it."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tasks.contract import StageError
from tasks.machinery.host.digest_memo import SETTLED
from tasks.machinery.store.artifact import SET_ASIDE, Artifact
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


@pytest.mark.parametrize(
    "address",
    [
        "https://x.org/reset?token=s3cret",
        "ftp://s3cret@host/file",
        "http://t.co/@ada",
        "u://;token=s3cret/y&z@w",  # without its token it has the form of a sign-in
    ],
)
def test_an_artifact_whose_data_has_addresses_is_found_without_secrets(
    store: Store, address: str
) -> None:
    facts: dict[str, str | float] = {"notices": f"dropped, for example {address}"}
    with store.locked("toy", digest(KEY)) as folder:
        (store.begin(folder) / "words.txt").write_text("one")
        made = store.complete(folder, KEY, {}, facts, 1.0)
    found = store.named(made.name)
    assert found is not None
    assert found.files == made.files
    assert "s3cret" not in (folder / "manifest.json").read_text()


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


def add_file(folder: Path) -> None:
    (folder / "model" / "zz.safetensors").write_text("more weights")


def add_empty_file(folder: Path) -> None:
    (folder / "model" / "zz.safetensors").touch()


def add_folder(folder: Path) -> None:
    (folder / "zz.safetensors").mkdir()


def add_nested(folder: Path) -> None:
    (folder / "model" / "zz").mkdir()
    (folder / "model" / "zz" / "safetensors").write_text("more weights")


def add_link(folder: Path) -> None:
    (folder / "zz.safetensors").symlink_to("words.txt")


def add_link_to_a_folder(folder: Path) -> None:
    (folder / "zz.safetensors").symlink_to(folder / "model", target_is_directory=True)


def add_pipe(folder: Path) -> None:
    os.mkfifo(folder / "zz.safetensors")


@pytest.mark.parametrize(
    ("add", "named"),
    [
        (add_file, "model/zz.safetensors"),
        (add_empty_file, "model/zz.safetensors"),
        (add_folder, "zz.safetensors/"),
        (add_nested, "model/zz/"),
        (add_link, "zz.safetensors"),
        (add_link_to_a_folder, "zz.safetensors/"),
        (add_pipe, "zz.safetensors"),
    ],
)
def test_what_the_manifest_does_not_name_is_damage(store: Store, add, named: str) -> None:
    made = put(store)
    add(made.path)
    assert made.damage() == f"{named} is not in the manifest"


@pytest.mark.parametrize("name", [b"caf\xe9.txt", b"two\nlines", b"[red]", "né".encode()])
def test_odd_names_that_were_added_can_be_printed(store: Store, name: bytes) -> None:
    made = put(store)
    (made.path / os.fsdecode(name)).write_text("more")
    said = made.damage()
    assert said is not None
    assert said.endswith(" is not in the manifest")
    assert said.isprintable()


def test_a_link_in_place_of_a_file_is_damage_although_it_reads_the_same(
    store: Store, tmp_path: Path
) -> None:
    made = put(store)
    moved = (made.path / "words.txt").rename(tmp_path / "elsewhere.txt")
    (made.path / "words.txt").symlink_to(moved)
    assert made.damage() == "words.txt is a link"


def test_a_pipe_in_place_of_an_empty_file_does_not_hang(store: Store) -> None:
    made = put(store, "")
    (made.path / "words.txt").unlink()
    os.mkfifo(made.path / "words.txt")
    assert made.damage() == "words.txt differs"


def test_a_stage_that_writes_a_link_is_refused_and_empty_folders_are_left_out(
    store: Store,
) -> None:
    with store.locked("toy", digest(KEY)) as folder:
        writing = store.begin(folder)
        (writing / "empty" / "too").mkdir(parents=True)
        (writing / "words.txt").symlink_to("/etc/hostname")
        with pytest.raises(StageError, match=r"toy wrote words\.txt, which is a link"):
            store.complete(folder, KEY, {}, {}, 1.0)
        (writing / "words.txt").unlink()
        (writing / "words.txt").write_text("one")
        made = store.complete(folder, KEY, {}, {}, 1.0)
    assert sorted(made.files) == ["words.txt"]
    assert [path.name for path in made.path.iterdir()] == ["words.txt"]
    assert made.damage() is None


def test_pages_that_nobody_rendered_are_not_shown(store: Store) -> None:
    made = put(store)
    (made.folder / "show").mkdir()
    (made.folder / "show" / "card.md").write_text("# not ours")
    assert made.pages == made.path / "show"
    assert made.page_names == []


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


# Completes an artifact, and is killed when its manifest is written.
KILLED = f"""
import os, shutil, signal, sys
from pathlib import Path
from tasks.machinery.store import store as stores
from tasks.machinery.store.fingerprint import digest

delete = shutil.rmtree

def killing(path, **options):
    if (Path(path).parent / "manifest.json").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    delete(path, **options)

store = stores.Store(Path(sys.argv[1]))
with store.locked("toy", digest({KEY!r})) as folder:
    (store.begin(folder) / "words.txt").write_text("one")
    (folder / "checkpoints" / "step-00000001").mkdir(parents=True)
    (folder / "checkpoints" / "step-00000001" / "weights.bin").write_bytes(b"x" * 1000)
    stores.shutil.rmtree = killing
    store.complete(folder, {KEY!r}, {{}}, {{}}, 1.0)
"""


def test_what_a_kill_after_the_manifest_left_is_cleaned(store: Store) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(store.root)], check=False)
    assert killed.returncode == -signal.SIGKILL
    folder = store.folder("toy", digest(KEY))
    made = store.load("toy", digest(KEY))
    assert made is not None
    assert made.damage() is None
    assert (folder / "checkpoints" / "step-00000001").is_dir()
    assert store.clean(folder) == 1000
    assert {path.name for path in folder.iterdir()} == {"output", "manifest.json", "owner.json"}
    assert store.clean(folder) == 0


def test_checkpoints_of_an_interrupted_recomputation_or_of_a_running_one_stay(store: Store) -> None:
    made = put(store)
    (made.folder / "checkpoints" / "step-00000001").mkdir(parents=True)
    with store.locked("toy", digest(KEY)):
        assert store.clean(made.folder) == 0
    (made.folder / SET_ASIDE).touch()
    assert store.clean(made.folder) == 0
    (made.folder / "manifest.json").unlink()
    (made.folder / SET_ASIDE).unlink()
    assert store.clean(made.folder) == 0
    assert (made.folder / "checkpoints" / "step-00000001").is_dir()
