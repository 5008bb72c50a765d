"""What is far behind the longest input is learnt in windows, and answered the same everywhere."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tasks import explanations
from tasks.contract import Silent
from tasks.experiment.problem import FineTuning
from tasks.models.bodies import read_model
from tasks.models.explaining.explained import load_explained, subject_of
from tasks.models.predictions import answer_rows
from tasks.problems import load
from tasks.problems.windows.texts import of_rows
from tasks.stages.evaluation import evaluate
from tasks.stages.finetuning import finetune
from tasks.stages.generalization.calibration import predicted
from tests.support.far_rows import LONGEST, STRIDE, WORDS, far_rows, write_far
from tests.support.tiny_models import LABELS, MADE, TELLING, write_body

pytestmark = pytest.mark.slow

TRAINING = FineTuning(batch_size=16, learning_rate=5e-3, max_length=LONGEST, precision="fp32")
EPOCHS = {"text-classification": 14, "regression": 8, WORDS: 5}
# The headline metric that truncated texts do not exceed, and that windows reach.
EXPECTED = {"text-classification": (0.5, 0.75), "regression": (0.3, 0.7), WORDS: (0.05, 0.95)}


def learn(problem: str, stride: int, data: Path, body: Path, folder: Path) -> SimpleNamespace:
    """A model that learnt a problem, and its evaluation."""
    tuned, evaluation = folder / "tuned", folder / "evaluation"
    tuned.mkdir(parents=True)
    evaluation.mkdir()
    training = TRAINING.model_copy(update={"stride": stride, "epochs": EPOCHS[problem]})
    how: dict[str, Any] = {"data": data, "monitor": Silent()}
    finetune(problem, training, 0, body=None, architecture=body, out=tuned, **how)
    model = tuned / "model"
    metrics = evaluate(problem, 50, 0.95, 0, model=model, from_scratch=None, out=evaluation, **how)
    table = pd.read_parquet(evaluation / "predictions.parquet")
    return SimpleNamespace(model=model, metrics=metrics, table=table)


@pytest.fixture(scope="module", params=EPOCHS)
def learnt(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A model that learnt a problem in windows, and one that reads truncated texts."""
    problem, folder = request.param, tmp_path_factory.mktemp("far")
    data, body = write_far(folder / "data", problem), write_body(folder / "body")
    windows, truncated = (
        learn(problem, stride, data, body, folder / str(stride)) for stride in (STRIDE, 0)
    )
    return SimpleNamespace(problem=problem, data=data, windows=windows, truncated=truncated)


def test_what_is_far_behind_the_longest_input_is_learnt_in_windows_alone(learnt: Any) -> None:
    headline = load(learnt.problem).HEADLINE
    windows, truncated = (each.metrics[headline] for each in (learnt.windows, learnt.truncated))
    chance, learns = EXPECTED[learnt.problem]
    assert truncated <= chance
    assert windows >= learns


def test_new_rows_are_answered_as_in_the_evaluation(learnt: Any) -> None:
    kind, table = load(learnt.problem), learnt.windows.table
    inputs = [list(each) if learnt.problem == WORDS else each for each in table[kind.INPUT]]
    [found] = answer_rows(learnt.problem, learnt.windows.model, inputs)
    assert found.attrs["cut"] == 0
    for name in {"predicted", "probability"} & {*table}:
        for ours, theirs in zip(found[name], table[name], strict=True):
            assert np.array(ours).tolist() == np.array(theirs).tolist()


def test_explanations_are_of_the_merged_answer_and_find_the_word(learnt: Any) -> None:
    if learnt.problem == WORDS:
        pytest.skip("of one word each: tests/explanations/test_answers_in_rows.py")
    kind, explained = load(learnt.problem), load_explained(learnt.problem)
    model, tokenizer = read_model(kind.AUTO_MODEL, learnt.windows.model)
    subject = subject_of(kind, explained, model, tokenizer)
    rows, labels = far_rows(learnt.problem, 12, 9), MADE[learnt.problem][1]
    examples = kind.encode(rows, tokenizer, labels)
    given = [
        kind.logits(model, {"input_ids": torch.tensor([each.input_ids])})[0].detach().numpy()
        for each in examples
    ]
    merged = np.stack(of_rows(examples, given, kind.together)[1])
    parted = subject.rows(rows, labels)
    assert len(parted) == len(rows) and subject.passes(parted[0]) > 1
    telling = {word for words in TELLING.values() for word in words}
    hits = dict.fromkeys(("occlusion", "integrated-gradients", "attention-rollout"), 0)
    for row, logits, text in zip(parted, merged, rows["text"], strict=True):
        expected = explained.scores(torch.from_numpy(logits[None]))[0].numpy()
        assert subject.ends(row)[0] == pytest.approx(expected, rel=1e-5, abs=1e-4)
        assert [piece.text for piece in row.pieces] == text.split()
        chosen = subject.chosen(row, None, labels)
        for name in hits:
            values = explanations.load(name).attribute(subject, chosen)
            assert values.shape == (len(row.pieces),)
            hits[name] += row.pieces[int(np.argmax(np.abs(values)))].text in telling
    assert hits["occlusion"] > 6
    assert hits["integrated-gradients"] > 6


def test_a_temperature_is_of_the_rows_and_not_of_their_windows(learnt: Any) -> None:
    if learnt.problem != "text-classification":
        pytest.skip("probabilities of labels alone have a temperature")
    answered = predicted(load(learnt.problem), learnt.data, learnt.windows.model)
    assert answered.logs.shape == (30, len(LABELS))
