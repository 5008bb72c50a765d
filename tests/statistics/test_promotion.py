"""The rule: who is promoted, who is not, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score

from tasks.experiment.retraining import Rule
from tasks.pages.decision_card import page
from tasks.problems import load
from tasks.statistics.paired_measures import PairedMeasures, quarters
from tasks.statistics.promotion import Decision, decide

KIND = load("text-classification")
LABELS = ["animal", "plant", "stone"]
ROWS = 600


def answers(right: Callable[[int, str], bool], rows: int = ROWS) -> pd.DataFrame:
    """Answers to a test whose labels take turns; wrong ones name the next label."""
    gold = [LABELS[i % 3] for i in range(rows)]
    wrong = dict(zip(LABELS, [*LABELS[1:], LABELS[0]], strict=True))
    predicted = [g if right(i, g) else wrong[g] for i, g in enumerate(gold)]
    documents = [f"d{i // 2}" for i in range(rows)]
    texts = ["x" * (1 + i % 97) for i in range(rows)]
    return pd.DataFrame(
        {"document": documents, "text": texts, "gold": gold, "predicted": predicted}
    )


def by_chance(share: float, seed: int) -> Callable[[int, str], bool]:
    """Right on a share of the rows, whichever they are."""
    drawn = np.random.default_rng(seed).random(ROWS)
    return lambda i, _: bool(drawn[i] < share)


def judge(challenger: pd.DataFrame, champion: pd.DataFrame | None, **rule: float) -> Decision:
    return decide(
        KIND,
        Rule(**rule),
        0,
        LABELS,
        challenger=challenger,
        champion=champion,
        majority=["animal"] * len(challenger),
    )


def test_the_first_is_promoted_if_it_beats_the_majority_baseline() -> None:
    decision = judge(answers(by_chance(0.6, 1)), None)
    assert decision.outcome == "first"
    assert decision.gain.low > 0
    assert "against the majority baseline" in decision.reasons[0]


def test_the_first_is_refused_if_it_does_not() -> None:
    decision = judge(answers(by_chance(0.34, 1)), None)
    assert decision.outcome == "refused"
    assert "could be chance" in decision.reasons[0]


def test_a_better_one_is_promoted_and_measured_as_sklearn_does() -> None:
    before, after = answers(by_chance(0.6, 1)), answers(by_chance(0.8, 2))
    decision = judge(after, before)
    assert decision.outcome == "promoted"
    assert decision.rows[0].after.value == accuracy_score(after["gold"], after["predicted"])
    f1 = dict(
        zip(
            LABELS,
            f1_score(after["gold"], after["predicted"], average=None, labels=LABELS),
            strict=True,
        )
    )
    found = {row.name: row.after.value for row in decision.rows if row.kind == "part"}
    assert found == pytest.approx(f1)
    assert sum(row.rows for row in decision.rows if row.kind == "slice") == ROWS


def test_a_worse_one_keeps_the_champion() -> None:
    decision = judge(answers(by_chance(0.6, 1)), answers(by_chance(0.8, 2)))
    assert decision.outcome == "kept"
    assert decision.reasons[0].startswith("worse: -")


def test_a_gain_that_could_be_chance_keeps_the_champion() -> None:
    decision = judge(answers(by_chance(0.72, 3)), answers(by_chance(0.7, 2)))
    assert decision.outcome == "kept"
    assert "could be chance" in decision.reasons[0]


@pytest.mark.parametrize("more, outcome", [(5, "kept"), (6, "promoted")])
def test_of_few_documents_that_differ_nothing_is_concluded(more: int, outcome: str) -> None:
    chance = by_chance(0.7, 2)
    won = [i for i in range(0, ROWS, 2) if not chance(i, "")][:more]  # one in a document
    decision = judge(answers(lambda i, _: i in won or chance(i, "")), answers(chance))
    assert decision.gain.low > 0
    assert decision.outcome == outcome
    said = decision.reasons[0].startswith("better on too few documents, could be chance: +")
    assert said == (outcome == "kept")


def test_the_champion_against_itself_is_no_gain() -> None:
    same = answers(by_chance(0.7, 2))
    decision = judge(same, same)
    assert (decision.outcome, decision.gain.low, decision.gain.high) == ("kept", 0, 0)


def test_a_gain_below_the_least_gain_keeps_the_champion() -> None:
    before, after = answers(by_chance(0.6, 1)), answers(by_chance(0.8, 2))
    assert judge(after, before, minimum_gain=0.1).outcome == "promoted"
    decision = judge(after, before, minimum_gain=0.4)
    assert decision.outcome == "kept"
    assert "less than the least gain of 40 points" in decision.reasons[0]


def test_a_class_that_loses_more_than_allowed_keeps_the_champion() -> None:
    good, lucky = by_chance(0.6, 1), by_chance(0.5, 4)
    before = answers(lambda i, g: g == "stone" or good(i, g))
    after = answers(lambda i, g: lucky(i, g) if g == "stone" else True)
    decision = judge(after, before)
    assert decision.gain.low > 0  # better on the whole
    assert decision.outcome == "kept"
    assert any("class stone is worse by more than 5 points" in r for r in decision.reasons)
    assert judge(after, before, worst_class_loss=1, worst_slice_loss=1).outcome == "promoted"


def test_a_loss_of_a_class_that_could_be_chance_is_told_and_does_not_count() -> None:
    base = by_chance(0.6, 1)
    rare = [5, 11, 17]  # of 600 rows
    before = answers(lambda i, g: base(i, g) or i in rare)
    before["gold"] = ["rare" if i in rare else g for i, g in enumerate(before["gold"])]
    before["predicted"] = ["rare" if i in rare else p for i, p in enumerate(before["predicted"])]
    after = before.assign(
        predicted=["animal" if i == rare[0] else g for i, g in enumerate(before["gold"])]
    )
    decision = decide(
        KIND,
        Rule(),
        0,
        [*LABELS, "rare"],
        challenger=after,
        champion=before,
        majority=["animal"] * ROWS,
    )
    told = {row.name: row for row in decision.rows}["rare"]
    assert told.difference.value < -0.05
    assert told.verdict == "could be chance"
    assert decision.outcome == "promoted"


def test_a_slice_that_loses_more_than_allowed_keeps_the_champion() -> None:
    good = by_chance(0.6, 1)
    table = answers(lambda i, g: True)
    longest = quarters(np.array([len(text) for text in table["text"]])) == 3
    before = answers(lambda i, g: bool(longest[i]) or good(i, g))
    after = answers(lambda i, g: not longest[i] or good(i, g))
    decision = judge(after, before)
    assert decision.gain.low > 0
    assert decision.outcome == "kept"
    assert any("slice longest quarter is worse" in reason for reason in decision.reasons)


def test_of_few_documents_nothing_is_concluded() -> None:
    decision = judge(answers(lambda i, g: True, 12), answers(lambda i, g: i > 9, 12))
    assert decision.outcome == "kept"
    assert "too few test documents (6)" in decision.reasons[0]


def test_intervals_of_many_classes_are_wider_than_of_one() -> None:
    before, after = answers(by_chance(0.6, 1)), answers(by_chance(0.62, 2))
    sides = PairedMeasures(KIND, Rule(), 0, LABELS, after, list(before["predicted"]))
    alone = list(sides.parts())
    together = list(sides.widened(alone))
    assert len(together) == 3
    for (one, _), wide in zip(alone, together, strict=True):
        assert wide.difference.low < one.difference.low
        assert wide.difference.high > one.difference.high
        assert wide.difference.value == one.difference.value


def test_equal_lengths_are_in_one_quarter() -> None:
    assert quarters(np.array([5, 5, 5, 5])).tolist() == [0, 0, 0, 0]
    assert quarters(np.arange(8)).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_entities_are_judged_by_the_same_rule() -> None:
    kind = load("token-classification")
    gold = [["B-animal", "O", "B-plant"]] * 40
    table = {
        "document": [str(i) for i in range(40)],
        "tokens": [["cat", "by", "oak"]] * 40,
        "gold": gold,
    }
    after = pd.DataFrame({**table, "predicted": gold})
    before = pd.DataFrame({**table, "predicted": [["B-animal", "O", "O"]] * 40})
    labels = ["O", "B-animal", "I-animal", "B-plant", "I-plant"]
    decision = decide(
        kind,
        Rule(),
        0,
        labels,
        challenger=after,
        champion=before,
        majority=[["O"] * 3] * 40,
    )
    assert decision.outcome == "promoted"
    assert [row.name for row in decision.rows if row.kind == "part"] == ["animal", "plant"]


def test_the_page_has_both_sides_the_rule_and_the_outcome() -> None:
    decision = judge(answers(by_chance(0.6, 1)), answers(by_chance(0.8, 2)))
    text = page(decision, Rule(), "text-classification")
    assert text.startswith("# Not promoted: the champion stays\n\n- worse: ")
    assert "| metric | rows | champion | challenger | gain, points | verdict |" in text
    assert "| Least gain | 0 |" in text
    assert text.count("| longest quarter |") == 1
