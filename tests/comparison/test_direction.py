"""Which value of a metric is better: stated for each that stages write, and never guessed."""

from __future__ import annotations

import pytest

from tasks.comparison.comparison import differing_data, direction, metric_rows
from tasks.comparison.past_run import PastRun
from tasks.machinery.tracking.tags import UsedStage

# What each stage behind an evaluation writes, and the evaluation itself.
WAYS = {
    "accuracy": 1,
    "on_other/accuracy": 1,
    "on_other/drop": -1,
    "from_scratch/accuracy": 1,
    "at_10_percent/accuracy": 1,
    "at_10_percent/from_scratch_accuracy": 1,
    "at_10_percent/from_scratch_bits_per_byte": -1,
    "at_10_percent/from_scratch/bits_per_byte": -1,
    "labels_factor": 0,
    "slices/measured": 0,
    "slices/worse": 0,
    "slices/origin_a/accuracy": 1,
    "mislabelled/rows": 0,
    "mislabelled/share": 0,
    "calibrated/calibration_error": -1,
    "calibrated/log_loss": -1,
    "calibrated/reduction": 0,
    "answered/accuracy": 1,
    "answered/coverage": 0,
    "answered/threshold": 0,
    "risk_coverage_area": -1,
    "temperature": 0,
    "explained_rows": 0,
    "occlusion/faithfulness": 1,
    "occlusion/random_likeness": 0,
    "integrated-gradients/completeness_error": -1,
    "best_layer": 0,
    "probe/accuracy": 1,
    "probe_gain": 0,
    "leaking": 0,
    "near": 0,
    "unheard_of": 0,
}


def run(name: str, **metrics: float) -> PastRun:
    return PastRun(name, name, "tiny", "FINISHED", 0.0, metrics=metrics)


@pytest.mark.parametrize("name", WAYS)
def test_each_metric_behind_an_evaluation_has_the_direction_that_is_stated(name: str) -> None:
    whole = f"downstream/mood/{name}"
    assert direction(whole, [run("a", **{whole: 1.0})]) == WAYS[name]


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("validation_loss", -1),
        ("start_loss", -1),
        ("probe_accuracy", 1),
        ("parameters", 0),
        ("pictures", 0),
    ],
)
def test_a_metric_of_pretraining_too(name: str, way: int) -> None:
    assert direction(f"pretraining/{name}", []) == way


def test_more_parts_that_are_worse_are_not_marked_as_the_best() -> None:
    name = "downstream/mood/slices/worse"
    (row,) = metric_rows([run("a", **{name: 1.0}), run("b", **{name: 7.0})], frozenset())
    assert not row.best


@pytest.mark.parametrize(
    ("values", "best"),
    [((0.5281, 0.5284), set()), ((0.5281, 0.5284, 0.4), {0, 1}), ((0.528, 0.529), {1})],
)
def test_values_that_are_shown_alike_are_equally_good(
    values: tuple[float, ...], best: set[int]
) -> None:
    name = "downstream/mood/accuracy"
    (row,) = metric_rows([run(str(n), **{name: v}) for n, v in enumerate(values)], frozenset())
    assert row.best == best == row.best_settings


def test_the_headline_is_the_first_metric_of_its_problem() -> None:
    names = ["entities/f1", "entities/precision", "entities/recall", "entities/answered/f1"]
    names += ["mood/accuracy", "mood/macro_f1", "mood/calibration_error", "mood/a_new_one"]
    metrics = {f"downstream/{name}": 0.5 for name in sorted(names)}
    kinds = {"entities": "token-classification", "mood": "text-classification"}
    params = {f"downstream.{name}.problem": kind for name, kind in kinds.items()}
    given = PastRun("a", "a", "tiny", "FINISHED", 0.0, params=params, metrics=metrics)
    rows = metric_rows([given], frozenset())
    assert [row.name.removeprefix("downstream/") for row in rows] == names


def test_data_of_one_run_alone_are_not_held_against_those_of_another_problem() -> None:
    def with_data(name: str, digests: dict[str, str]) -> PastRun:
        found = run(name)
        found.stages.update(
            {t: UsedStage("cached", "0", digest=digest) for t, digest in digests.items()}
        )
        return found

    first = with_data("a", {"dataset mood": "1", "corpus": "5"})
    assert differing_data([first, with_data("b", {"dataset new": "2", "corpus": "5"})]) == {}
    assert differing_data([first, with_data("b", {"dataset mood": "2", "corpus": "5"})]) == {
        "dataset mood": ["1", "2"]
    }
