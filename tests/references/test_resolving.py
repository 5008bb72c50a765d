"""A model in a folder: which of its files are copied into the store."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tasks.contract import StageError
from tasks.machinery.store.artifact import Input
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.tracking import Tracking
from tasks.references.resolving import resolve_model
from tests.support.tiny_models import write_body


def resolved(folder: Path, home: Path) -> Input:
    tracking = Tracking("x", lambda _: None)
    return resolve_model(str(folder), "body", tracking, Store(home / "store"))


def layouts(body: Path, root: Path) -> dict[str, Path]:
    """The folders in which a model may come, by name: where its tokenizer.json is in each."""
    (root / "stage").mkdir(parents=True)
    shutil.copytree(body, root / "plain")
    shutil.copytree(body, root / "stage" / "model")
    shutil.copytree(body, root / "logged" / "model")
    (root / "logged" / "components" / "tokenizer").mkdir(parents=True)
    for file in (root / "logged" / "model").glob("tokenizer*"):
        shutil.move(file, root / "logged" / "components" / "tokenizer")
    return {
        "plain": root / "plain",
        "stage": root / "stage" / "model",
        "logged": root / "logged" / "components" / "tokenizer",
    }


@pytest.mark.parametrize("layout", ["plain", "stage", "logged"])
def test_a_link_out_of_a_models_folder_is_refused_and_one_inside_is_followed(
    tmp_path: Path, layout: str
) -> None:
    folder = layouts(write_body(tmp_path / "body"), tmp_path / "given")[layout]
    named = tmp_path / "given" / layout
    whole = resolved(named, tmp_path)
    (named / "kept.json").write_bytes((folder / "tokenizer.json").read_bytes())
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.json").symlink_to(named / "kept.json")
    assert resolved(named, tmp_path) == whole
    secret = tmp_path / "secret"
    secret.write_text("root:x:0:0")
    (folder / "vocab.txt").symlink_to(secret)
    with pytest.raises(StageError, match=rf"^body: .*vocab\.txt is a link to {secret}, outside"):
        resolved(named, tmp_path)
    copied = [file for file in (tmp_path / "store").rglob("*") if file.name == "vocab.txt"]
    assert copied == []


@pytest.mark.parametrize("layout", ["stage", "logged"])
def test_a_part_of_a_models_folder_may_not_be_a_link_out_of_it(tmp_path: Path, layout: str) -> None:
    folder = layouts(write_body(tmp_path / "body"), tmp_path / "given")[layout]
    shutil.move(folder, tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StageError, match=r"is a link to .*elsewhere.*outside of the folder"):
        resolved(tmp_path / "given" / layout, tmp_path)


def test_a_folder_that_is_a_link_itself_is_read(tmp_path: Path) -> None:
    body = write_body(tmp_path / "body")
    (tmp_path / "newest").symlink_to(body)
    assert resolved(tmp_path / "newest", tmp_path) == resolved(body, tmp_path)


def test_a_snapshot_of_the_hubs_cache_is_read_with_its_blobs_alone(tmp_path: Path) -> None:
    body = write_body(tmp_path / "body")
    cache = tmp_path / "models--owner--body"
    snapshot = cache / "snapshots" / ("0123456789" * 4)
    snapshot.mkdir(parents=True)
    (cache / "blobs").mkdir()
    for number, file in enumerate(sorted(body.iterdir())):
        shutil.copy(file, cache / "blobs" / f"{number:040x}")
        (snapshot / file.name).symlink_to(f"../../blobs/{number:040x}")
    assert resolved(snapshot, tmp_path) == resolved(body, tmp_path)
    (tmp_path / "secret").write_text("root:x:0:0")
    (cache / "blobs" / "f").symlink_to(tmp_path / "secret")
    (snapshot / "vocab.txt").symlink_to("../../blobs/f")
    with pytest.raises(StageError, match=r"vocab\.txt is a link to .*secret"):
        resolved(snapshot, tmp_path)
