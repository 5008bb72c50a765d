"""A planted patch decides the label of a picture: the explanations look there."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tasks.contract import Silent
from tasks.experiment.images.problem import ImageTuning
from tasks.models.explaining.verdicts import failures
from tasks.pages.explanations import card
from tasks.stages.evaluation import evaluate
from tasks.stages.explanation import explain
from tasks.stages.images.finetuning import finetune_on_images
from tests.support.tiny_pixels import write_image_body

SIZE, PATCH = 16, 4
LABELS = ["blank", "patch"]
METHODS = ["attention-rollout", "integrated-gradients", "occlusion"]

pytestmark = pytest.mark.slow


def write_patched(folder: Path) -> Path:
    """Noise; in half of the pictures a bright square of 4 × 4 pixels is somewhere on the grid."""
    folder.mkdir()
    generator = np.random.default_rng(3)
    for split, count in {"train": 200, "validation": 20, "test": 60}.items():
        pixels = generator.integers(60, 110, (count, SIZE, SIZE, 3)).astype(np.uint8)
        places = generator.integers(0, SIZE // PATCH, (count, 2)) * PATCH
        for number, (top, left) in enumerate(places):
            if number % 2:
                pixels[number, top : top + PATCH, left : left + PATCH] = 255
        np.save(folder / f"{split}.npy", pixels)
        names = [f"{split}-{number}.png" for number in range(count)]
        rows = {"document": names, "image": names, "place": range(count)}
        labels = [LABELS[number % 2] for number in range(count)]
        pd.DataFrame(
            rows | {"label": labels, "top": places[:, 0], "left": places[:, 1]}
        ).to_parquet(folder / f"{split}.parquet")
    (folder / "labels.json").write_text(json.dumps(LABELS))
    return folder


@pytest.fixture(scope="module", params=["vit", "resnet"])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp(request.param)
    data, body = write_patched(folder / "data"), write_image_body(folder / "body", request.param)
    for name in ("tuned", "evaluation", "out"):
        (folder / name).mkdir()
    still = {"crop": 1.0, "shift": 0.0, "rotation": 0.0, "shear": 0.0, "colour": 0.0}
    training = ImageTuning.model_validate(
        {"epochs": 7, "batch_size": 16, "learning_rate": 2e-3, "precision": "fp32"}
        | {"augmentation": {**still, "flip": False, "blur": 0.0, "erase": 0.0}}
    )
    finetune_on_images(
        "image-classification",
        training,
        0,
        data=data,
        body=None,
        architecture=body,
        out=folder / "tuned",
        monitor=Silent(),
    )
    model = folder / "tuned" / "model"
    evaluated = evaluate(
        "image-classification",
        100,
        0.95,
        0,
        data=data,
        model=model,
        from_scratch=None,
        out=folder / "evaluation",
        monitor=Silent(),
    )
    assert evaluated["accuracy"] > 0.9
    methods = METHODS if request.param == "vit" else METHODS[1:]
    metrics = explain(
        "image-classification",
        methods,
        20,
        5,
        100,
        confidence=0.95,
        seed=0,
        data=data,
        model=model,
        evaluation=folder / "evaluation",
        out=folder / "out",
        monitor=Silent(),
    )
    return SimpleNamespace(out=folder / "out", data=data, metrics=metrics, methods=methods)


@pytest.mark.parametrize("method", ["integrated-gradients", "occlusion"])
def test_the_planted_patch_comes_first(found: SimpleNamespace, method: str) -> None:
    rows = pd.read_parquet(found.data / "test.parquet")
    table = pd.read_parquet(found.out / "explanations.parquet")
    table = table[(table["predicted"] == "patch") & (table["gold"] == "patch")]
    inside = []
    for _, each in table.iterrows():
        row, column = divmod(int(np.argmax(each[method])), SIZE // 2)  # regions of 2 pixels
        place = rows.iloc[each["row"]]
        inside.append(
            place["top"] <= 2 * row < place["top"] + PATCH
            and place["left"] <= 2 * column < place["left"] + PATCH
        )
    assert len(inside) >= 6
    assert np.mean(inside) > 0.8


def test_faithfulness_is_above_chance(found: SimpleNamespace) -> None:
    assert found.metrics["occlusion/faithfulness/low"] > 0


def test_a_sum_that_is_not_complete_is_told(found: SimpleNamespace) -> None:
    """The score of this ViT is a cliff on the way from the blank picture, which points miss."""
    error = found.metrics["integrated-gradients/completeness_error"]
    told = [said for said in failures(found.metrics, "integrated-gradients") if "miss" in said]
    assert bool(told) == (error > 0.05)
    if "attention-rollout" not in found.methods:  # the ResNet
        assert error < 0.05


def test_the_page_has_heat_maps(found: SimpleNamespace, tmp_path: Path) -> None:
    card.show(found.out, tmp_path)
    assert {"right.png", "drivers.png", "explanations.html"} <= {f.name for f in tmp_path.iterdir()}
    assert "regions" in (tmp_path / "card.md").read_text()
