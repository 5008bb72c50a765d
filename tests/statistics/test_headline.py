"""The headline metric of stored answers is that of the evaluation, whatever the problem."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tasks.problems import load
from tasks.problems.weighted import on_all_rows
from tasks.statistics.bootstrap import Bootstrap
from tasks.statistics.headline import labels_in, measure_headline, read_answers
from tests.support.tiny_models import LABELS, MADE, TAGS, write_data


@pytest.mark.parametrize("problem", MADE)
def test_it_is_measured_again_from_the_stored_answers_alone(problem: str, tmp_path: Path) -> None:
    kind, data = load(problem), write_data(tmp_path / "data", problem)
    train, test = (pd.read_parquet(data / f"{split}.parquet") for split in ("train", "test"))
    truth, answers = list(test[kind.TRUTH]), list(kind.majority(train, test))
    if kind.PARTS:
        answers[::2] = truth[::2]
    table = pd.DataFrame({"document": test["document"], "gold": truth, "predicted": answers})
    table.to_parquet(tmp_path / "predictions.parquet")
    labels = {"token-classification": TAGS}.get(problem, LABELS)
    found = measure_headline(kind, read_answers(tmp_path), Bootstrap(20, 0.95, 0))
    expected = on_all_rows(kind.score(truth, answers, labels))[kind.HEADLINE]
    assert found.value == pytest.approx(expected)
    assert found.value > 0 or not kind.PARTS
    assert found.drawn.shape == (20,)
    assert found.documents == test["document"].nunique()


def test_labels_are_those_of_texts_and_of_lists_and_none_of_numbers() -> None:
    assert labels_in(["b", "a"], [["c", "a"], []], [1.0]) == ["a", "b", "c"]
