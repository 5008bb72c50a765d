"""Test sets are the same by content; the differences on them are those of the metrics."""

import numpy as np
import pandas as pd
import pytest

from tasks.comparison import disagreement
from tasks.comparison.answers import compare_answers, least_p_of_seeds, read_answers, sharing
from tasks.problems import load
from tasks.statistics.significance import BETTER, CHANCE


def texts(right=(), rows=40):
    """Rows of which those in `right` are answered right, for sure; the others wrong, barely."""
    gold = ["good" if i % 3 else "bad" for i in range(rows)]
    wrong = {"good": "bad", "bad": "good"}
    told = [g if i in right else wrong[g] for i, g in enumerate(gold)]
    return pd.DataFrame(
        {
            "document": [f"d{i // 2}" for i in range(rows)],
            "text": [f"text {i}" for i in range(rows)],
            "gold": gold,
            "predicted": told,
            "probability": [0.9 if i in right else 0.6 for i in range(rows)],
            "loss": [-np.log(0.9) if i in right else -np.log(0.4) for i in range(rows)],
            "from_scratch_predicted": gold,
            "from_scratch_loss": [0.1] * rows,
        }
    )


def sentences(found):
    """Sentences with an animal and a place; `found` says for each which of the two is found."""
    tags = {"both": ["O", "B-ANIMAL", "B-PLACE"], "animal": ["O", "B-ANIMAL", "O"]}
    tags |= {"none": ["O", "O", "O"], "moved": ["B-ANIMAL", "O", "B-PLACE"]}
    return pd.DataFrame(
        {
            "document": [f"d{i}" for i in range(len(found))],
            "tokens": [["the", "cat", f"Oslo{i}"] for i in range(len(found))],
            "gold": [tags["both"]] * len(found),
            "predicted": [tags[name] for name in found],
            "probability": [[0.9] * 3] * len(found),
            "loss": [[0.1, np.nan, 0.1]] * len(found),
        }
    )


def most_disputed(answers, most):
    kind = load(next(iter(answers.values())).problem)
    return disagreement.most_disputed(kind, answers, most)


@pytest.fixture
def kept(tmp_path):
    def keep(table, problem="text-classification"):
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}.parquet"
        table.to_parquet(file, index=False)
        return read_answers(file, problem)

    return keep


def test_rows_in_another_order_are_the_same_test_set(kept):
    table = texts(right=range(10))
    one, other = kept(table), kept(table.sample(frac=1, random_state=1))
    assert one.digest == other.digest
    pd.testing.assert_frame_equal(one.table, other.table)
    assert sharing({"A": one, "B": other}) == [["A", "B"]]


@pytest.mark.parametrize("column", ["document", "text", "gold"])
def test_one_changed_cell_is_another_test_set(kept, column):
    changed = texts()
    changed.loc[3, column] = "other"
    assert sharing({"A": kept(texts()), "B": kept(changed)}) == [["A"], ["B"]]


def test_what_was_answered_is_no_part_of_the_test_set(kept):
    assert kept(texts(right=range(9))).digest == kept(texts()).digest
    assert "from_scratch_predicted" not in kept(texts()).table


def test_the_difference_is_that_of_the_headline_metrics(kept):
    kind = load("text-classification")
    answers = {"A": kept(texts(right=range(30))), "B": kept(texts(right=range(10)))}
    [found] = compare_answers(kind, answers, [["A"], ["B"]], confidence=0.95)
    assert found.value == pytest.approx(0.5)
    assert found.low < 0.5 < found.high
    assert (found.documents, found.first, found.second) == (20, "A", "B")
    assert found.p < 0.01


def test_settings_with_several_seeds_are_compared_by_their_means(kept):
    kind = load("text-classification")
    right = {"A": 30, "B": 10, "C": 20, "D": 20}
    answers = {label: kept(texts(right=range(number))) for label, number in right.items()}
    found = compare_answers(kind, answers, [["A", "B"], ["C"], ["D"]], confidence=0.95)
    by_pair = {(each.first, each.second): each for each in found}
    assert set(by_pair) == {("mean of A, B", "C"), ("mean of A, B", "D"), ("C", "D")}
    one = by_pair["mean of A, B", "C"]
    assert one.value == pytest.approx(0.0, abs=1e-9)
    # Each seed is 0.25 from the mean, and a quarter of the resamples have one of them alone.
    assert one.low < -0.25
    assert one.high > 0.25


def test_few_seeds_show_no_difference_however_large(kept):
    kind = load("text-classification")
    right = {"A": 30, "B": 30, "C": 10, "D": 10}
    answers = {label: kept(texts(right=range(number))) for label, number in right.items()}
    [found] = compare_answers(kind, answers, [["A", "B"], ["C", "D"]], confidence=0.95)
    assert found.low > 0, "the documents alone show one"
    assert (found.p, found.verdict) == (pytest.approx(1 / 3), CHANCE)
    assert least_p_of_seeds(4, 4) == pytest.approx(1 / 35)
    assert least_p_of_seeds(1, 1) == 0.0


def test_an_answer_of_no_setting_is_no_silent_loss(kept):
    answers = {"A": kept(texts(right=range(3))), "B": kept(texts(right=range(4)))}
    with pytest.raises(ValueError, match="of no setting: B"):
        compare_answers(load("text-classification"), answers, [["A"]], confidence=0.95)


@pytest.mark.parametrize("more, p, verdict", [(4, 0.125, CHANCE), (6, 1 / 32, BETTER)])
def test_of_few_documents_that_differ_no_resample_makes_a_difference(kept, more, p, verdict):
    kind = load("text-classification")
    better = texts(right=[*range(20), *range(20, 20 + 2 * more, 2)])  # two texts a document
    answers = {"A": kept(better), "B": kept(texts(right=range(20)))}
    [found] = compare_answers(kind, answers, [["A"], ["B"]], confidence=0.95)
    assert found.low > 0
    assert found.p == pytest.approx(p, rel=0.1)
    assert found.verdict == verdict


def test_runs_that_answer_alike_do_not_differ(kept):
    kind = load("token-classification")
    same = ["both", "animal", "none"] * 5
    answers = {
        "A": kept(sentences(same), "token-classification"),
        "B": kept(sentences(same), "token-classification"),
    }
    [found] = compare_answers(kind, answers, [["A"], ["B"]], confidence=0.95)
    assert (found.value, found.p) == (0.0, 1.0)
    assert most_disputed(answers, 10) == []


def test_texts_are_disputed_by_the_probability_of_the_right_label(kept):
    first, second = texts(right=range(40)), texts(right=range(40))
    second.loc[7, ["predicted", "probability", "loss"]] = ["bad", 0.8, -np.log(0.2)]
    second.loc[9, ["probability", "loss"]] = [0.6, -np.log(0.6)]
    found = most_disputed({"A": kept(first), "B": kept(second)}, 10)
    assert [each.text for each in found] == ["text 7", "text 9"]
    assert found[0].apart == pytest.approx(0.7)
    assert found[0].truth == "good"
    assert [(a.run, a.text, a.right) for a in found[0].answers] == [
        ("A", "good", True),
        ("B", "bad", False),
    ]
    assert found[0].answers[1].score == "80.0% sure, 20.0% for the truth"
    assert len(most_disputed({"A": kept(first), "B": kept(second)}, 1)) == 1
    assert most_disputed({"A": kept(first), "B": kept(second)}, 0) == []


def test_rows_that_are_answered_differently_come_before_those_that_are_answered_less_surely(kept):
    first, second = texts(right=range(40)), texts(right=range(40))
    second.loc[7, ["probability", "loss"]] = [0.51, -np.log(0.51)]
    first.loc[9, ["probability", "loss"]] = [0.51, -np.log(0.51)]
    second.loc[9, ["predicted", "probability", "loss"]] = ["x", 0.51, -np.log(0.49)]
    found = most_disputed({"A": kept(first), "B": kept(second)}, 10)
    assert [each.text for each in found] == ["text 9", "text 7"]
    assert found[0].apart < found[1].apart


def test_sentences_are_disputed_by_the_entities_that_are_wrong(kept):
    problem = "token-classification"
    first = kept(sentences(["both", "both", "animal"]), problem)
    second = kept(sentences(["animal", "moved", "animal"]), problem)
    found = most_disputed({"A": first, "B": second}, 10)
    assert [(each.text, each.apart) for each in found] == [
        ("the cat Oslo1", 2.0),  # one missed and one made up
        ("the cat Oslo0", 1.0),
    ]
    assert found[0].truth == "ANIMAL: cat · PLACE: Oslo1"
    assert found[0].answers[1].text == "ANIMAL: the · PLACE: Oslo1"
    assert found[0].answers[1].score == "1 missed, 1 made up"
    assert found[0].answers[0].score == "no error"
