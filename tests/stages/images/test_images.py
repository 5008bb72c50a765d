"""Stage `images`: all bad files by name at once, groups and copies in one split, all counted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

from tasks.contract import Silent, StageError
from tasks.experiment.images.pictures import Images
from tasks.experiment.images.problem import ImageData
from tasks.pages import pictures_card
from tasks.sources.images import resolve
from tasks.stages.images.images import prepare_images
from tests.support.shown import shown
from tests.support.tiny_images import KINDS, write_pictures

DATA = ImageData(name="kinds", source="x")


def prepare(folder: Path, out: Path, data: Images | ImageData = DATA, held_out=(), seed=0):
    out.mkdir(parents=True)
    monitor = Silent()
    source = resolve(str(folder), "source")
    metrics = prepare_images(data, source, list(held_out), seed, out=out, monitor=monitor)
    return metrics, pd.read_parquet(out / "pictures.parquet"), monitor


def test_pictures_are_labelled_split_and_counted(tmp_path: Path) -> None:
    metrics, rows, monitor = prepare(write_pictures(tmp_path / "a", 60, 1), tmp_path / "out")
    assert metrics["pictures"] == len(rows) == 60
    assert json.loads((tmp_path / "out" / "labels.json").read_text()) == list(KINDS)
    counts = rows["split"].value_counts()
    assert {split: metrics[f"{split}_pictures"] for split in counts.index} == counts.to_dict()
    assert set(counts.index) == {"train", "validation", "test"}
    assert any("test pictures taken from the training pictures" in said for said in monitor.said)


def test_all_bad_files_are_named_at_once(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "a", 30, 1)
    good = (folder / "bar" / "000.png").read_bytes()
    (folder / "bar" / "cut.png").write_bytes(good[: len(good) // 2])
    (folder / "disc" / "text.jpg").write_text("not a picture")
    (folder / "disc" / "empty.png").touch()
    (folder / "loose.png").write_bytes(good)
    with pytest.raises(StageError) as found:
        prepare(folder, tmp_path / "out")
    said = str(found.value)
    assert said.startswith("downstream.kinds.source: 4 of the pictures cannot be used:")
    for name in ("bar/cut.png", "disc/text.jpg", "disc/empty.png", "loose.png"):
        assert name in said
    assert "loose.png: the picture has no label" in said


def test_pictures_of_a_group_share_a_split(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "a", 90, 1)
    data = DATA.model_copy(
        update={"group_pattern": r"(\d)\.png$", "validation_share": 0.3, "test_share": 0.4}
    )
    _, rows, _ = prepare(folder, tmp_path / "out", data)
    assert rows.groupby("group")["split"].nunique().max() == 1
    assert rows["group"].nunique() == 10
    assert rows["split"].nunique() == 3


def copied(folder: Path) -> Path:
    """Folders by split, with one training picture again in the test, in another format."""
    for split in ("train", "validation", "test"):
        write_pictures(folder / split, 12, seed=len(split))
    Image.open(folder / "train" / "disc" / "001.png").save(folder / "test" / "disc" / "copy.bmp")
    return folder


def test_a_copy_in_the_test_split_stops_or_is_left_out_of_training(tmp_path: Path) -> None:
    folder = copied(tmp_path / "a")
    with pytest.raises(StageError, match=r"copies by a perceptual hash .*1 of train"):
        prepare(folder, tmp_path / "out")
    data = DATA.model_copy(update={"overlap": "drop"})
    metrics, rows, monitor = prepare(folder, tmp_path / "again", data)
    split = rows.set_index("image")["split"]
    assert (split["train/disc/001.png"], split["test/disc/copy.bmp"]) == ("", "test")
    assert metrics["dropped_pictures"] == 1
    assert any("left out: pictures of which another split" in said for said in monitor.said)


def test_pictures_of_a_test_split_are_not_pre_trained_on(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "few", 30, 2)
    _, rows, _ = prepare(folder, tmp_path / "few-out")
    many = write_pictures(tmp_path / "many", 60, 1)
    tested = rows[rows["split"] == "test"]["image"].iloc[0]
    shutil.copy(folder / tested, many / "bar" / "leak.png")
    held_out = tmp_path / "few-out" / "held_out.parquet"
    _, kept, monitor = prepare(many, tmp_path / "out", Images(source="x"), [held_out])
    assert kept.set_index("image")["split"]["bar/leak.png"] == ""
    assert (kept["split"] != "").sum() == 60
    assert any("of which a test split has a copy: 1" in said for said in monitor.said)


def test_a_test_split_of_the_source_is_not_pre_trained_on_and_said(tmp_path: Path) -> None:
    for split, count in {"train": 30, "validation": 9, "test": 6}.items():
        write_pictures(tmp_path / "a" / split, count, seed=count)
    metrics, rows, monitor = prepare(tmp_path / "a", tmp_path / "out", Images(source="x"))
    assert not rows[rows["image"].str.startswith("test/")]["split"].any()
    assert metrics["pictures"] == 39
    assert any("the test split that the source has: 6" in said for said in monitor.said)


def test_the_split_depends_on_its_seed_and_not_on_other_pictures(tmp_path: Path) -> None:
    few, many = (write_pictures(tmp_path / str(n), n, 1) for n in (30, 60))
    splits = [
        prepare(folder, tmp_path / f"{seed}-{folder.name}", seed=seed)[1].set_index("image")[
            "split"
        ]
        for folder, seed in ((few, 0), (many, 0), (few, 1))
    ]
    assert splits[0].equals(splits[1][splits[0].index])
    assert not splits[0].equals(splits[2])


def test_a_label_without_a_training_picture_is_named(tmp_path: Path) -> None:
    folder = copied(tmp_path / "a")
    (folder / "test" / "disc" / "copy.bmp").unlink()
    (folder / "test" / "ring").mkdir()
    write_pictures(tmp_path / "b", 3, seed=9)
    shutil.copy(tmp_path / "b" / "bar" / "000.png", folder / "test" / "ring" / "0.png")
    with pytest.raises(StageError, match=r"no training row has 'ring' \(1 in test\)"):
        prepare(folder, tmp_path / "out")


def test_the_card_has_a_sheet_of_pictures(tmp_path: Path) -> None:
    prepare(write_pictures(tmp_path / "a", 30, 1), tmp_path / "out")
    pages = shown(pictures_card.show, tmp_path / "out")
    card = (pages / "card.md").read_text()
    assert "| 20 × 20 |" in card
    assert "disc" in card
    with Image.open(pages / "sheet.png") as sheet:
        assert sheet.size[0] > 300


@pytest.mark.parametrize(("test_share", "field"), [(0.001, "larger .*test_share"), (0.0, "")])
def test_an_empty_split_names_a_field_that_there_is(
    tmp_path: Path, test_share: float, field: str
) -> None:
    folder = write_pictures(tmp_path / "a", 12, 1)
    if not field:  # all are copies of one, and copies share a split
        same = (folder / "bar" / "000.png").read_bytes()
        for file in folder.rglob("*.png"):
            file.write_bytes(same)
        test_share, field = 0.5, "smaller downstream.kinds.validation_share|larger .*_share"
    data = DATA.model_copy(update={"test_share": test_share})
    with pytest.raises(StageError, match=f"split of .* is empty .* or a ({field})"):
        prepare(folder, tmp_path / "out", data)
