"""Text classification, against sklearn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix, f1_score

from tasks.problems import load
from tests.support.tiny_models import LABELS, labelled_texts, wordpiece

problem = load("text-classification")
NAMES = ["a", "b", "c", "d", "e"]


def measure(gold, predicted):
    sums = problem.count(gold, predicted, NAMES).sum(axis=0)
    return {name: float(value) for name, value in problem.measure(sums).items()}


@pytest.mark.parametrize("used", [5, 3, 1])
@pytest.mark.parametrize("seed", range(5))
def test_metrics_are_sklearns_also_where_labels_do_not_occur(used, seed):
    generator = np.random.default_rng(seed)
    gold, predicted = generator.choice(NAMES[:used], (2, 40)).tolist()
    assert measure(gold, predicted) == pytest.approx(
        {
            "accuracy": accuracy_score(gold, predicted),
            "macro_f1": f1_score(gold, predicted, average="macro", zero_division=0),
        }
    )


def test_all_resamples_are_measured_at_once():
    generator = np.random.default_rng(0)
    gold, predicted = generator.choice(NAMES, (2, 30)).tolist()
    counts = problem.count(gold, predicted, NAMES)
    halves = np.stack([counts[:15].sum(axis=0), counts[15:].sum(axis=0)])
    both = problem.measure(halves)
    assert both["macro_f1"].shape == (2,)
    assert both["macro_f1"][1] == pytest.approx(
        f1_score(gold[15:], predicted[15:], average="macro", zero_division=0)
    )


def test_report_and_confusion_are_sklearns():
    generator = np.random.default_rng(1)
    gold, predicted = generator.choice(NAMES[:4], (2, 60)).tolist()
    expected = classification_report(
        gold, predicted, labels=NAMES, output_dict=True, zero_division=0
    )
    for name, precision, recall, f1, support in problem.report(gold, predicted, NAMES).itertuples(
        index=False
    ):
        assert [precision, recall, f1, support] == pytest.approx(list(expected[name].values()))
    names, matrix = problem.confusion(gold, predicted, NAMES)
    assert names == NAMES
    assert (matrix == confusion_matrix(gold, predicted, labels=NAMES)).all()


def test_texts_that_are_cut_are_counted():
    tokenizer = wordpiece()
    tokenizer.model_max_length = 8
    rows = pd.DataFrame(
        {
            "document": list("abc"),
            "text": ["a cat", "the cat is near the old oak", "a the of is was by"],
            "label": ["animal", "plant", "stone"],
        }
    )
    examples = problem.encode(rows, tokenizer, LABELS)
    assert [example.cut for example in examples] == [0, 1, 0]
    assert [len(example.input_ids) for example in examples] == [4, 8, 8]
    assert [example.labels for example in examples] == [[0], [1], [2]]


def test_the_answer_is_the_likeliest_label_with_its_probability_and_the_loss():
    rows = labelled_texts(2, seed=0).assign(label=["stone", "animal"])
    examples = problem.encode(rows, wordpiece(), LABELS)
    logits = [np.log(np.array(p, dtype=np.float32)) for p in ([0.2, 0.7, 0.1], [0.6, 0.3, 0.1])]
    table = problem.decide(rows, examples, logits, LABELS)
    assert table["predicted"].tolist() == ["plant", "animal"]
    assert table["probability"].tolist() == pytest.approx([0.7, 0.6])
    assert table["loss"].tolist() == pytest.approx([-np.log(0.1), -np.log(0.6)])


def test_the_majority_is_the_most_frequent_label_of_training():
    train = pd.DataFrame({"label": ["b", "a", "c", "c", "b"]})
    assert problem.majority(train, pd.DataFrame({"label": ["a"] * 3})) == ["b"] * 3
