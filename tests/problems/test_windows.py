"""Long texts in windows: which tokens they have, what they weigh, and how they are merged."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.special import expit, logit, softmax

from tasks.experiment.consistency import window_mistakes
from tasks.experiment.experiment import Experiment
from tasks.experiment.mistakes import InvalidExperimentError, check
from tasks.experiment.problem import Downstream, FineTuning
from tasks.models.class_loss import ClassLoss, balanced_weights
from tasks.problems import PROBABILITIES, load
from tasks.problems.token_classification.served import windows_of
from tasks.problems.windows.cutting import parts
from tests.support.far_rows import LONGEST, WORDS, far_rows
from tests.support.tiny_models import FILLER, LABELS, MADE, TAGS, labelled_texts, wordpiece

TEXTS = ("text-classification", "several-labels", "regression")


def reader(stride: int, longest: int = LONGEST) -> Any:
    tokenizer = wordpiece()
    tokenizer.model_max_length = longest
    training = FineTuning(max_length=max(8, longest), stride=stride)
    load("text-classification").configure(tokenizer, training, Path())
    return tokenizer


@pytest.mark.parametrize("stride", [0, 1, 3, 100])
@pytest.mark.parametrize("room", [1, 2, 5, 8])
def test_windows_cover_a_text_and_are_all_of_one_length(room: int, stride: int) -> None:
    for tokens in range(60):
        found = parts(tokens, room, stride)
        assert {token for begin, end in found for token in range(begin, end)} == {*range(tokens)}
        assert {end - begin for begin, end in found} == {min(tokens, room)}
        shared = [found[i][1] - found[i + 1][0] for i in range(len(found) - 1)]
        assert all(each == min(stride, room // 2) for each in shared[:-1])
        assert all(each >= min(stride, room // 2) for each in shared)


@pytest.mark.parametrize("seed", range(30))
def test_every_word_of_any_text_has_exactly_one_tag(seed: int) -> None:
    generator = np.random.default_rng(seed)
    letters = list("abcxyz'-.,é世界😀\u200d\u0301K")
    longest, stride = int(generator.integers(4, 20)), int(generator.integers(1, 20))
    tokenizer = reader(stride, longest)
    sentences = [
        [
            "".join(generator.choice(letters, generator.integers(1, 12)))
            if generator.random() < 0.5
            else str(generator.choice(FILLER))
            for _ in range(generator.integers(1, 40))
        ]
        for _ in range(8)
    ]
    found: list[list[list[int]]] = [[] for _ in sentences]
    for window, places in windows_of(tokenizer, sentences):
        assert len(window.input_ids) <= longest
        found[window.row].append([word for word, place in enumerate(places) if place >= 0])
    whole = reader(0, 10_000)
    for words, answered in zip(sentences, found, strict=True):
        seen = [word for each in answered for word in each]
        assert len(seen) == len({*seen}), "no word is answered twice"
        rows = pd.DataFrame({"tokens": [words], "tags": [["O"] * len(words)]})
        [example] = load(WORDS).encode(rows, whole, TAGS)
        assert sorted(seen) == [w for w, place in enumerate(example.positions) if place >= 0]
        assert len(answered) == 1 or all(answered), "a window without a word is left out"
    rows = pd.DataFrame({"document": "d", "tokens": sentences})
    rows["tags"] = [[str(tag) for tag in generator.choice(TAGS, len(w))] for w in sentences]
    examples = load(WORDS).encode(rows, tokenizer, TAGS)
    logits = [np.full((len(each.input_ids), len(TAGS)), -9, np.float32) for each in examples]
    for example, scores in zip(examples, logits, strict=True):
        for place, label in enumerate(example.labels):
            if label >= 0:
                scores[place, int(label)] = 9
    table = load(WORDS).decide(rows, examples, logits, TAGS)
    for words, gold, predicted_tags, sure in zip(
        sentences, table["gold"], table["predicted"], table["probability"], strict=True
    ):
        assert len(predicted_tags) == len(words)
        known = ~np.isnan(sure)
        assert np.array(gold)[known].tolist() == np.array(predicted_tags)[known].tolist()
    unseen = sum(int(np.isnan(each).sum()) for each in table["probability"])
    assert sum(example.cut for example in examples) == unseen


def test_a_word_has_the_tag_of_the_window_where_it_has_the_most_context() -> None:
    words = FILLER[:10]
    tokenizer = reader(4, 8)  # windows of six words, of which two have half: 3
    found = {
        word: (window.begin, place - window.first)
        for window, places in windows_of(tokenizer, [words])
        for word, place in enumerate(places)
        if place >= 0
    }
    assert found == {
        **{word: (0, word) for word in range(5)},  # of equal ones the first
        **{word: (3, word - 3) for word in range(5, 7)},
        **{word: (4, word - 4) for word in range(7, 10)},
    }


@pytest.mark.parametrize("problem", TEXTS)
def test_a_row_counts_once_however_many_windows_it_has(problem: str) -> None:
    kind, labels = load(problem), MADE[problem][1]
    rows = pd.concat([far_rows(problem, 3, 1), MADE[problem][0](3, 2)], ignore_index=True)
    if problem == "regression":
        rows["number"] /= 5000
    examples = kind.encode(rows, reader(4), labels)
    weights = np.array([each.weight for each in examples])
    row_of = np.array([each.row for each in examples])
    assert np.bincount(row_of, weights) == pytest.approx(np.full(6, len(examples) / 6))
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(len(examples), max(1, len(labels)), generator=generator)

    def model(**inputs: Any) -> SimpleNamespace:
        assert "labels" not in inputs
        return SimpleNamespace(logits=logits)

    batch = kind.collate(examples, 0)
    found = float(kind.loss(model, batch))
    alone = np.array(
        [
            float(_own(problem, scores, torch.tensor(list(example.labels))))
            for scores, example in zip(logits, examples, strict=True)
        ]
    )
    by_row = [alone[row_of == row].mean() for row in range(6)]
    assert found == pytest.approx(float(np.mean(by_row)), rel=1e-5)
    if problem == "regression":
        return
    kinds = kind.HEAD.problem_type
    assert float(ClassLoss(kinds)(model, batch)) == pytest.approx(found, rel=1e-5)
    whole = kind.encode(rows, reader(0), labels)
    assert balanced_weights(examples, kinds, len(labels)).numpy() == pytest.approx(
        balanced_weights(whole, kinds, len(labels)).numpy(), rel=1e-5
    )


def _own(problem: str, scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The loss of one example, written out."""
    if problem == "regression":
        return (scores[0] - labels[0]) ** 2
    if problem == "several-labels":
        shares = torch.sigmoid(scores)
        return -(labels * shares.log() + (1 - labels) * (1 - shares).log()).mean()
    return -torch.log_softmax(scores, -1)[int(labels[0])]


def test_answers_are_means_of_the_probabilities_of_windows() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (5, 4, 3))
    given = torch.from_numpy(logits)
    one = load("text-classification").together(given).numpy()
    assert softmax(one, -1) == pytest.approx(softmax(logits, -1).mean(1))
    several = load("several-labels").together(given).numpy()
    assert several == pytest.approx(logit(expit(logits).mean(1)))
    assert load("regression").together(given).numpy() == pytest.approx(logits.mean(1))


def test_texts_that_fit_are_read_and_answered_as_without_windows() -> None:
    kind, rows = load("text-classification"), labelled_texts(12, 0)
    windows, whole = (kind.encode(rows, reader(stride, 64), LABELS) for stride in (4, 0))
    assert [each.input_ids for each in windows] == [each.input_ids for each in whole]
    logits = list(np.random.default_rng(1).normal(0, 1, (12, 3)).astype(np.float32))
    tables = [kind.decide(rows, examples, logits, LABELS) for examples in (windows, whole)]
    assert [list(each) for each in tables[0][PROBABILITIES]] == [
        list(each) for each in tables[1][PROBABILITIES]
    ]
    assert tables[0].drop(columns=PROBABILITIES).equals(tables[1].drop(columns=PROBABILITIES))


def test_a_model_that_is_tuned_again_without_windows_reads_none() -> None:
    tokenizer = reader(4)
    load("text-classification").configure(tokenizer, FineTuning(max_length=12), Path())
    examples = load("text-classification").encode(
        far_rows("text-classification", 3, 0), tokenizer, LABELS
    )
    assert [each.cut for each in examples] == [1, 1, 1]


def test_pairs_are_not_read_in_windows_and_that_is_said() -> None:
    part = {"name": "x", "source": "a", "stride": 16}
    pairs = {**part, "columns": {"text": "one", "second_text": "two"}}
    check(Experiment.model_validate({"downstream": [part]}))
    check(Experiment.model_validate({"downstream": [{**pairs, "stride": 0}]}))
    with pytest.raises(
        InvalidExperimentError,
        match=r"downstream.x.stride: found 16, but pairs .*; accepted: 0, which",
    ):
        check(Experiment.model_validate({"downstream": [pairs]}))
    assert window_mistakes([Downstream.model_validate(pairs)])


@pytest.mark.parametrize(
    ("problem", "usual"), [("text-classification", 0), (WORDS, 0), ("question-answering", 64)]
)
def test_the_usual_stride_of_a_problem_is_in_no_key(problem: str, usual: int) -> None:
    around = ({"problem": problem},)
    for stride in (usual, -1):
        training = Downstream(problem=problem, stride=stride).training
        assert "stride" not in training.keyed(around)
    assert Downstream(problem=problem, stride=17).training.keyed(around)["stride"] == 17
    assert Downstream(problem=problem).training == FineTuning()
