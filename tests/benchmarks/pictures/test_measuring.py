"""The benchmark of images without its measuring: what it measures on, and its rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.benchmarks.pictures import KINDS, SIDE, measuring
from tests.benchmarks.pictures.drawing import SMALLEST, write_pictures
from tests.benchmarks.training import Effort

FIGURES = {"samples_per_second": 60.0, "megabytes_peak": 400.0, "validation_loss": 1.5}


def test_pictures_are_the_same_each_time_and_as_many_of_each_kind(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_pictures(tmp_path / name, 2 * KINDS, 3)
    first, second = (sorted((tmp_path / name).rglob("*.jpg")) for name in ("a", "b"))
    assert [file.read_bytes() for file in first] == [file.read_bytes() for file in second]
    assert sorted({file.parent.name for file in first})[0] == "points-03"
    assert [len([*kind.iterdir()]) for kind in (tmp_path / "a").iterdir()] == [2] * KINDS


def test_a_model_that_knows_nothing_has_the_loss_of_a_guess(tmp_path: Path) -> None:
    class Guess(nn.Module):
        def forward(self, pixel_values: torch.Tensor) -> Any:
            assert pixel_values.shape[1:] == (3, SIDE, SIDE)
            assert pixel_values.abs().max() <= 1
            return type("Output", (), {"logits": torch.zeros(len(pixel_values), KINDS)})

    write_pictures(tmp_path / "unseen", KINDS, 0)
    evaluation = measuring._evaluation(tmp_path / "unseen", tmp_path / "unseen.pt")
    expected = torch.log(torch.tensor(float(KINDS))).item()
    assert measuring.loss_on(Guess(), evaluation) == pytest.approx(expected)
    assert SMALLEST > SIDE  # else nothing is resized


def test_each_family_has_rows_of_both_trainings_and_of_the_loss(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], environment: Any = None) -> dict[str, float]:
        asked.append([str(word) for word in command])
        return FIGURES

    monkeypatch.setattr("tests.benchmarks.turns.run", run)
    monkeypatch.setattr(measuring, "run", run)
    monkeypatch.setattr(measuring, "write_pictures", lambda folder, *_: folder.mkdir(parents=True))
    monkeypatch.setattr(measuring, "_evaluation", lambda _folder, file: file)
    rows = measuring.pictures(tmp_path, tmp_path / "scratch", Effort(repetitions=2))
    targets = [row.target for row in rows if "bf16" not in row.against]
    assert targets == [1.5, 1.3, *[3.0, 3.0, 0.0] * 2]
    assert {len(row.result) for row in rows} == {2, 3}
    seeds = [words[words.index("--seed") + 1] for words in asked if "--seed" in words]
    assert seeds == ["0", "0", "1", "1", "2", "2"] * 2
    assert any("--finetune" in words for words in asked)
