"""Checkpoints: whole or not there, two kept, and a damaged one falls back to the one before."""

import os

import pytest

from tasks.machinery.host import digest_memo
from tasks.machinery.store.checkpoints import (
    last_step,
    newest_checkpoint,
    save_checkpoint,
    step_of,
)


def fill_with(text):
    def fill(folder):
        (folder / "part").mkdir()
        (folder / "part" / "weights.bin").write_text(text)
        (folder / "state.json").write_text(text)

    return fill


@pytest.fixture
def folder(tmp_path):
    for step in (1, 2, 10):
        save_checkpoint(tmp_path / "checkpoints", step, fill_with(f"step {step}"))
    return tmp_path / "checkpoints"


def test_the_two_newest_are_kept(folder):
    assert sorted(path.name for path in folder.iterdir()) == ["step-00000002", "step-00000010"]
    newest = newest_checkpoint(folder)
    assert (newest / "part" / "weights.bin").read_text() == "step 10"


def test_there_is_none_in_a_folder_that_is_missing(tmp_path):
    assert newest_checkpoint(tmp_path / "nowhere") is None


@pytest.mark.parametrize("damage", ["altered", "truncated", "missing", "added", "no marker"])
def test_a_damaged_newest_falls_back_to_the_one_before(folder, damage):
    newest = newest_checkpoint(folder)
    weights = newest / "part" / "weights.bin"
    if damage == "altered":
        weights.write_text("STEP 10")
    elif damage == "truncated":
        weights.write_text("")
    elif damage == "missing":
        weights.unlink()
    elif damage == "added":
        (newest / "more.bin").write_text("")
    else:
        (newest / "COMPLETE.json").unlink()
    assert newest_checkpoint(folder).name == "step-00000002"


def test_it_is_read_once_by_all_who_go_on_from_it(home, folder, monkeypatch):
    read = []
    monkeypatch.setattr(digest_memo, "SETTLED", 0.0)
    monkeypatch.setattr(
        digest_memo, "_read", lambda path, of=digest_memo._read: read.append(path.name) or of(path)
    )
    for _ in range(3):
        assert newest_checkpoint(folder).name == "step-00000010"
    assert sorted(read) == ["state.json", "weights.bin"]
    weights = folder / "step-00000010" / "part" / "weights.bin"
    before = weights.stat()
    weights.write_text("STEP 10")
    os.utime(weights, ns=(before.st_atime_ns, before.st_mtime_ns))  # as nobody should see
    assert newest_checkpoint(folder).name == "step-00000002"


def test_a_failed_write_leaves_the_earlier_ones(folder):
    def fail(into):
        (into / "weights.bin").write_text("half")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        save_checkpoint(folder, 11, fail)
    assert newest_checkpoint(folder).name == "step-00000010"
    save_checkpoint(folder, 12, fill_with("step 12"))
    assert newest_checkpoint(folder).name == "step-00000012"
    assert not (folder / ".writing").exists()


def test_a_step_is_written_again_over_a_damaged_one(folder):
    newest = newest_checkpoint(folder)
    (newest / "state.json").unlink()
    save_checkpoint(folder, 10, fill_with("anew"))
    assert (newest_checkpoint(folder) / "state.json").read_text() == "anew"


@pytest.mark.parametrize("name", ["step-10 copy", "step-", "step-last"])
def test_a_folder_that_somebody_put_beside_them_is_no_checkpoint(folder, name):
    (folder / name).mkdir()
    assert step_of(newest_checkpoint(folder)) == last_step(folder) == 10
    save_checkpoint(folder, 12, fill_with("step 12"))
    assert (folder / name).is_dir()
