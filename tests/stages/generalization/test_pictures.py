"""Behind an evaluation of pictures: shares with their pixels, planted slices, further test sets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tasks.contract import Silent, StageError
from tasks.data.images.boxes import Box, as_text
from tasks.experiment.images.pictures import Pixels
from tasks.experiment.images.problem import ImageData
from tasks.pages import pictures_card
from tasks.pages.generalization import slices_card
from tasks.sources.images import resolve
from tasks.stages.generalization.further_pictures import (
    check_further_pictures,
    prepare_further_pictures,
)
from tasks.stages.generalization.picture_share import choose_share_of_pictures
from tasks.stages.generalization.picture_slices import measure_on_pictures
from tasks.stages.images.images import prepare_images
from tasks.stages.images.pixels import store_pixels
from tasks.statistics.slicing.pictures import load_sliced, require_slices
from tests.support import tiny_boxes, tiny_masks
from tests.support.shown import shown
from tests.support.tiny_images import KINDS, write_pictures

CLASSIFIED = "image-classification"
DATA = ImageData(name="kinds", source="x")
PIXELS = Pixels(size=16)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of shapes as stage `pixels` stores them, and the files that they are from."""
    folder = tmp_path_factory.mktemp("kinds")
    source = resolve(str(write_pictures(folder / "files", 90, 2)), "source")
    for name in ("images", "pixels"):
        (folder / name).mkdir()
    images, out, silent = folder / "images", folder / "pixels", Silent()
    prepare_images(DATA, source, [], 0, out=images, monitor=silent)
    store_pixels(PIXELS, DATA.columns, source, images=images, out=out, monitor=silent)
    return folder


def share_of(problem: str, data: Path, share: float, out: Path) -> pd.DataFrame:
    """The rows of a share, with the pixels that are stored of each."""
    out.mkdir()
    choose_share_of_pictures(problem, share, 0, 0, data=data, out=out, monitor=Silent())
    rows, pixels = pd.read_parquet(out / "train.parquet"), np.load(out / "train.npy")
    assert len(rows) == len(pixels)
    return rows.assign(pixels=[pixels[place].tobytes() for place in rows["place"]])


def test_a_share_of_pictures_is_nested_has_every_label_and_its_own_pixels(
    stored: Path, tmp_path: Path
) -> None:
    data = stored / "pixels"
    rows, pixels = pd.read_parquet(data / "train.parquet"), np.load(data / "train.npy")
    whole = {row.image: pixels[row.place].tobytes() for row in rows.itertuples()}
    shares = [share_of(CLASSIFIED, data, each, tmp_path / f"{each}") for each in (0.1, 0.5)]
    for share, chosen in zip((0.1, 0.5), shares, strict=True):
        assert len(chosen) == round(share * len(rows))
        assert {*chosen["label"]} == {*KINDS}
        assert dict(zip(chosen["image"], chosen["pixels"], strict=True)).items() <= whole.items()
    assert {*shares[0]["image"]} < {*shares[1]["image"]}
    validation = (tmp_path / "0.1" / "validation.npy").read_bytes()
    assert validation == (data / "validation.npy").read_bytes()


def test_the_masks_of_a_share_are_those_of_its_pictures(tmp_path: Path) -> None:
    data = tiny_masks.store_masked(tmp_path / "masks", count=30)
    rows, masks = pd.read_parquet(data / "train.parquet"), np.load(data / "train-masks.npy")
    whole = {row.image: masks[row.place] for row in rows.itertuples()}
    chosen = share_of(tiny_masks.PROBLEM, data, 0.5, tmp_path / "share")
    kept = np.load(tmp_path / "share" / "train-masks.npy")
    assert len(kept) == len(chosen) < len(rows)
    for row in chosen.itertuples():
        np.testing.assert_array_equal(kept[row.place], whole[row.image])


def test_bright_pictures_with_wrong_answers_are_the_worst_slice(
    stored: Path, tmp_path: Path
) -> None:
    generator, count = np.random.default_rng(0), 120
    bright = np.arange(count) < count // 4
    pixels = generator.integers(0, 100, (count, 4, 4, 3), dtype=np.uint8)
    pixels[bright] += 150
    kinds = [KINDS[i % len(KINDS)] for i in range(count)]
    names = [f"{i}" for i in range(count)]
    for folder in ("data", "evaluation", "out"):
        (tmp_path / folder).mkdir()
    np.save(tmp_path / "data" / "test.npy", pixels)
    rows = {"document": names, "image": names, "label": kinds, "place": range(count)}
    pd.DataFrame(rows).to_parquet(tmp_path / "data" / "test.parquet")
    answers = [KINDS[0] if wrong else kind for kind, wrong in zip(kinds, bright, strict=True)]
    table = pd.DataFrame({"document": names, "gold": kinds, "predicted": answers})
    table.to_parquet(tmp_path / "evaluation" / "predictions.parquet")
    metrics = measure_on_pictures(
        CLASSIFIED,
        ["label", "brightness"],
        0.95,
        0,
        data=tmp_path / "data",
        evaluation=tmp_path / "evaluation",
        out=tmp_path / "out",
        monitor=Silent(),
    )
    found = json.loads((tmp_path / "out" / "finding.json").read_text())
    worst = found["slices"][0]
    assert (worst["column"], worst["rows"], worst["verdict"]) == ("brightness", 30, "worse")
    assert worst["value"] == pytest.approx(1 / 3)
    assert metrics["slices/measured"] == 4 + len(KINDS)
    assert "brightness" in (shown(slices_card.show, tmp_path / "out") / "card.md").read_text()


def test_sizes_are_the_areas_of_objects_and_of_what_is_not_the_background() -> None:
    text = as_text(
        [Box("a", (0, 0, 2, 3)), Box("b", (0, 0, 4, 1)), Box("c", (0, 0, 9, 9), crowd=True)]
    )
    boxes = load_sliced("object-detection")
    assert (boxes.size_of(text), boxes.labels_of(text)) == (5.0, ["a", "b"])
    assert boxes.size_of("[]") == 0
    several = load_sliced("several-image-labels")
    assert (several.SLICES, several.labels_of('["a", "b"]')) == (
        ("label", "brightness"),
        ["a", "b"],
    )
    mask = '{"size": [2, 3], "names": ["sky", "road"], "runs": [0, 3, 1, 2, -1, 1]}'
    masks = load_sliced("semantic-segmentation")
    assert (masks.size_of(mask), masks.labels_of(mask)) == (2.0, ["sky", "road"])
    with pytest.raises(StageError, match=r"f: found 'size'; accepted with image-classification: "):
        require_slices(CLASSIFIED, ["label", "size"], "f")


def further(
    folder: Path, known: Path, out: Path, data: ImageData = DATA, pixels: Pixels = PIXELS
) -> dict[str, float]:
    out.mkdir()
    # A copy of pydantic is not validated: names of further tests have dots, for messages.
    named = data.model_copy(update={"name": f"{data.name}.evaluate_also.new"})
    source = resolve(str(folder), "source")
    return prepare_further_pictures(named, pixels, source, known=known, out=out, monitor=Silent())


def test_copies_of_learnt_pictures_are_left_out_of_a_further_test_set(
    stored: Path, tmp_path: Path
) -> None:
    # The same pictures again, and others: of the first, those of the test split are no copies.
    known, again = stored / "pixels", write_pictures(tmp_path / "again", 90, 2)
    learnt = sum(len(np.load(known / f"{split}.npy")) for split in ("train", "validation"))
    for kind in KINDS:
        for file in write_pictures(tmp_path / "new", 30, 9).joinpath(kind).iterdir():
            file.rename(again / kind / f"new-{file.name}")
    metrics = further(again, known, tmp_path / "out")
    assert metrics == {"rows": 120 - learnt, "documents": 120 - learnt, "left_out": learnt}
    rows, pixels = (
        pd.read_parquet(tmp_path / "out/test.parquet"),
        np.load(tmp_path / "out/test.npy"),
    )
    assert len(rows) == len(pixels) == 120 - learnt
    facts = json.loads((tmp_path / "out" / "further.json").read_text())
    assert (facts["left_out"], facts["left_out_by_document"]) == (learnt, 0)
    card = (shown(pictures_card.show, tmp_path / "out") / "card.md").read_text()
    assert "left out: pictures of which a copy is in the training" in card


def test_a_label_that_the_model_does_not_have_stops_a_further_test_set(
    stored: Path, tmp_path: Path
) -> None:
    folder = write_pictures(tmp_path / "new", 9, 9)
    (folder / "bar").rename(folder / "ring")
    where = r"downstream\.kinds\.evaluate_also\.new: .*: the problem has no label 'ring'"
    with pytest.raises(StageError, match=where):
        further(folder, stored / "pixels", tmp_path / "out")


@pytest.mark.parametrize("module", [tiny_boxes, tiny_masks])
def test_answers_of_a_further_test_set_move_with_its_pictures(module, tmp_path: Path) -> None:
    pixels = Pixels(size=16)
    if module is tiny_boxes:
        known = tiny_boxes.store_boxed(tmp_path / "known", count=30, size=16)
        new = tiny_boxes.write_coco(tmp_path / "new", tiny_boxes.boxed_pictures(9, seed=7))
    else:
        known = tiny_masks.store_masked(tmp_path / "known", count=30)
        new = tiny_masks.write_masked(tmp_path / "new", 9, seed=7)
    metrics = further(new, known, tmp_path / "out", module.DATA, pixels)
    assert metrics["rows"] == 9
    rows = pd.read_parquet(tmp_path / "out" / "test.parquet")
    sliced, square = load_sliced(module.PROBLEM), 16 * 16
    assert all(0 < sliced.size_of(text) < square for text in rows["label"])
    beside = tmp_path / "out" / "test-masks.npy"
    assert beside.is_file() is (module is tiny_masks)


def test_a_further_test_set_is_checked_before_anything_is_stored(
    stored: Path, tmp_path: Path
) -> None:
    source = resolve(str(write_pictures(tmp_path / "again", 90, 2)), "source")
    given = {"known": stored / "images", "monitor": Silent()}
    checked = check_further_pictures(DATA, PIXELS, source, **given)
    assert checked == further(tmp_path / "again", stored / "pixels", tmp_path / "out")
    (tmp_path / "again" / "bar").rename(tmp_path / "again" / "ring")
    source = resolve(str(tmp_path / "again"), "source")
    with pytest.raises(StageError, match="the problem has no label 'ring'"):
        check_further_pictures(DATA, PIXELS, source, **given)


def test_pictures_of_a_further_test_set_have_several_labels_too(tmp_path: Path) -> None:
    """`bar|disc` is two labels of a problem with several, and an unknown one of another."""
    folder = write_pictures(tmp_path / "new", 12, 9)
    (folder / "bar").rename(folder / "bar|disc")
    rows = pd.DataFrame({"document": ["x"], "image": ["x"], "label": ['["bar"]'], "place": [0]})
    known = tmp_path / "known"
    known.mkdir()
    for split in ("train", "validation"):
        rows.to_parquet(known / f"{split}.parquet")
        np.save(known / f"{split}.npy", np.zeros((1, 16, 16, 3), np.uint8))
    (known / "labels.json").write_text(json.dumps(KINDS))
    data = DATA.model_copy(update={"several_labels": True})
    assert further(folder, known, tmp_path / "out", data)["rows"] == 12
    found = pd.read_parquet(tmp_path / "out" / "test.parquet")["label"]
    assert {*found} == {'["bar", "disc"]', '["disc"]', '["frame"]'}
