"""A small model that has learnt a little, its data and its evaluation: for the stages behind it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tasks.contract import Silent
from tasks.experiment.problem import FineTuning
from tasks.stages.evaluation import evaluate
from tasks.stages.finetuning import finetune
from tests.support.tiny_models import LABELS, write_body, write_data

PROBLEM = "text-classification"


def noisy(table: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """The rows with some labels at random, so that a model cannot be right about all."""
    generator = np.random.default_rng(seed)
    wrong = generator.random(len(table)) < share
    drawn = generator.choice(LABELS, len(table))
    return table.assign(label=np.where(wrong, drawn, table["label"]))


def evaluation_of(folder: Path, data: Path, model: Path, seed: int = 0) -> Path:
    """An evaluation of a model."""
    folder.mkdir()
    evaluate(
        PROBLEM, 200, 0.95, seed, data=data, model=model, from_scratch=None, out=folder,
        monitor=Silent(),
    )  # fmt: skip
    return folder


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """The data, the fine-tuned model and its evaluation; a fifth of the labels is at random."""
    folder = tmp_path_factory.mktemp("generalization")
    data = write_data(folder / "data", PROBLEM, train_rows=240)
    for seed, split in enumerate(("train", "validation", "test")):
        file = data / f"{split}.parquet"
        noisy(pd.read_parquet(file), 0.2, seed).to_parquet(file)
    body = write_body(folder / "body")
    out = folder / "tuned"
    out.mkdir()
    finetune(
        PROBLEM,
        FineTuning(epochs=8, batch_size=16, learning_rate=5e-3, max_length=32),
        0,
        data=data,
        body=None,
        architecture=body,
        out=out,
        monitor=Silent(),
    )
    model = out / "model"
    return SimpleNamespace(
        data=data, body=body, model=model, evaluation=evaluation_of(folder / "eval", data, model)
    )
