"""Stage `pixels`: each picture once, in its split, as bytes that numpy reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tasks.contract import Silent, StageError
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.problem import ImageData
from tasks.sources.images import resolve
from tasks.stages.images.images import prepare_images
from tasks.stages.images.pixels import store_pixels
from tests.support.tiny_images import write_pictures

DATA = ImageData(name="kinds", source="x")


def prepared(folder: Path, out: Path):
    source = resolve(str(folder), "source")
    out.mkdir()
    prepare_images(DATA, source, [], 0, out=out, monitor=Silent())
    return source


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_stored_in_their_split(tmp_path: Path, channels: int) -> None:
    folder = write_pictures(tmp_path / "a", 45, 1)
    source = prepared(folder, tmp_path / "images")
    out = tmp_path / "out"
    out.mkdir()
    metrics = store_pixels(
        Pixels(size=20, channels=channels),
        DATA.columns,
        source,
        images=tmp_path / "images",
        out=out,
        monitor=Silent(),
    )
    assert metrics["pictures"] == 45
    for split in ("train", "validation", "test"):
        table, stored = pd.read_parquet(out / f"{split}.parquet"), np.load(out / f"{split}.npy")
        assert list(table["place"]) == list(range(len(table))) == list(range(len(stored)))
        for row, pixels in zip(table.itertuples(), stored, strict=True):
            given = Image.open(folder / row.image).convert("L" if channels == 1 else "RGB")
            assert np.array_equal(np.squeeze(pixels), np.asarray(given))
            assert row.label == row.image.split("/")[0]
    assert json.loads((out / "labels.json").read_text()) == ["bar", "disc", "frame"]


def test_the_mean_and_the_deviation_are_those_of_all_pixels(tmp_path: Path) -> None:
    source = prepared(write_pictures(tmp_path / "a", 30, 1), tmp_path / "images")
    out = tmp_path / "out"
    out.mkdir()
    metrics = store_pixels(
        Pixels(size=16), DATA.columns, source, images=tmp_path / "images", out=out, monitor=Silent()
    )
    whole = np.concatenate([np.load(out / f"{s}.npy") for s in ("train", "validation", "test")])
    assert metrics["mean"] == pytest.approx(whole.mean() / 255)
    assert metrics["deviation"] == pytest.approx(whole.std() / 255)
    assert metrics["megabytes"] == whole.nbytes / 1e6


def test_pictures_that_are_removed_after_the_plan_stop_the_stage(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "a", 30, 1)
    source = prepared(folder, tmp_path / "images")
    (folder / "disc" / "001.png").unlink()
    (tmp_path / "out").mkdir()
    with pytest.raises(StageError, match="its files were changed after the run was planned"):
        store_pixels(
            Pixels(size=16),
            DATA.columns,
            source,
            images=tmp_path / "images",
            out=tmp_path / "out",
            monitor=Silent(),
        )
