"""Text classification, against sklearn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import (
    accuracy_score,
    classification_report,
    confusion_matrix,
    f1_score,
    matthews_corrcoef,
    roc_auc_score,
)

from tasks.problems import PROBABILITIES, load, load_probabilities, load_simple
from tasks.problems.calibration import calibration_error, gaps
from tasks.problems.weighted import on_all_rows
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
            "mcc": matthews_corrcoef(gold, predicted),
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
    assert np.stack(table[PROBABILITIES]) == pytest.approx(
        np.array([[0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])
    )
    assert {row.dtype for row in table[PROBABILITIES]} == {np.dtype(np.float32)}


def answered(rows=60, labels=3):
    """A table of answers of a model that knows something, with all labels in the test."""
    generator = np.random.default_rng(5)
    true = np.arange(rows) % labels
    logits = generator.normal(0, 1, (rows, labels)) + 1.5 * np.eye(labels)[true]
    table = labelled_texts(rows, seed=0).assign(label=[LABELS[i] for i in true])
    examples = problem.encode(table, wordpiece(), LABELS)
    return problem.decide(table, examples, list(logits.astype(np.float32)), LABELS)


def test_metrics_of_probabilities_are_those_of_the_table():
    table, sure = answered(), load_probabilities("text-classification")
    assert {*sure.NEEDED} <= {*table.columns}
    found = on_all_rows(sure.score(table, LABELS))
    shares = np.stack(table[PROBABILITIES]).astype(np.float64)
    shares /= shares.sum(axis=1, keepdims=True)
    number = {label: i for i, label in enumerate(LABELS)}
    expected = roc_auc_score(table["gold"].map(number), shares, multi_class="ovr")
    assert found["roc_auc"] == pytest.approx(expected, abs=1e-3)  # ties that the division breaks
    right = (table["gold"] == table["predicted"]).to_numpy()
    error = calibration_error(gaps(table["probability"].to_numpy(), right).sum(axis=0))
    assert found["calibration_error"] == pytest.approx(float(error), abs=1e-6)
    assert found.keys() | measure([], []).keys() == problem.METRICS.keys()


def test_the_simple_model_has_probabilities_also_of_labels_that_it_was_not_shown():
    simple = load_simple("text-classification")
    train, held_out, test = (labelled_texts(rows, seed) for seed, rows in enumerate((60, 20, 20)))
    some = train[train["label"] != "plant"]
    for rows, known in ((train, LABELS), (some, ["animal", "stone"]), (some[:1], None)):
        table = simple.answer(rows, held_out, test, LABELS)
        shares = np.stack(table[PROBABILITIES])
        assert shares.shape == (20, 3)
        assert shares.sum(axis=1) == pytest.approx(np.ones(20), abs=1e-5)
        answered = shares[np.arange(20), [LABELS.index(label) for label in table["predicted"]]]
        assert answered == pytest.approx(shares.max(axis=1), abs=1e-6)
        assert answered == pytest.approx(table["probability"].to_numpy(), abs=1e-6)
        if known != LABELS:
            assert (shares[:, LABELS.index("plant")] == 0).all() or known is None


def test_the_majority_is_the_most_frequent_label_of_training():
    train = pd.DataFrame({"label": ["b", "a", "c", "c", "b"]})
    assert problem.majority(train, pd.DataFrame({"label": ["a"] * 3})) == ["b"] * 3
