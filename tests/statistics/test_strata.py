"""Places within strata divide each label in the same shares."""

from __future__ import annotations

from collections import Counter

from tasks.data.same_text import share
from tasks.statistics.strata import places_in_strata


def place(name: str) -> float:
    return share(3, name)


LABELS = {f"d{n}": ["a"] if n % 10 else ["b"] for n in range(500)}


def test_a_share_of_all_is_that_share_of_each_label() -> None:
    found = places_in_strata(LABELS, place)
    first = Counter(LABELS[name][0] for name, where in found.items() if where < 0.2)
    assert first == {"a": 90, "b": 10}


def test_places_follow_the_hashes_and_not_the_order_of_the_units() -> None:
    found = places_in_strata(LABELS, place)
    assert places_in_strata(dict(sorted(LABELS.items(), reverse=True)), place) == found
    of_b = sorted((name for name in found if LABELS[name] == ["b"]), key=place)
    assert [found[name] for name in of_b] == [(n + 0.5) / 50 for n in range(50)]


def test_the_rarest_label_is_the_stratum_and_a_single_unit_is_in_the_middle() -> None:
    labels = {**LABELS, "rare": ["a", "c"], "none": []}
    found = places_in_strata(labels, place)
    assert found["rare"] == found["none"] == 0.5
    assert {name: found[name] for name in LABELS} == places_in_strata(LABELS, place)
