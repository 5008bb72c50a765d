"""A plan says what follows from the numbers of an experiment."""

from __future__ import annotations

from pathlib import Path

from flows.presets.loading import load_experiment
from flows.recipes.experiment import recipe
from tasks.machinery.store.store import Store
from tasks.timing.derived import Derived, derived, lines_of, short
from tasks.timing.planner import TimedPlanner
from tests.support.tiny_experiment import write_experiment


def numbers(folder: Path, *settings: str) -> Derived:
    experiment = load_experiment(str(write_experiment(folder)), settings)
    planner = TimedPlanner(Store(folder / "store"))
    recipe(experiment, planner)
    found = derived(experiment, planner)
    assert found is not None
    return found


def test_the_numbers_of_a_size_are_said(tmp_path: Path) -> None:
    found = numbers(tmp_path, "model.size=base", "tokenizer.vocab_size=30522")
    chosen, first, second = lines_of(found)
    assert chosen == (
        "tokenizer: wordpiece, case is folded (auto algorithm and lowercase, as model.family is "
        "bert)"
    )
    assert first == (
        "model: 12 layers of 768, 12 heads; about 108 M parameters with at most 30,522 tokens"
    )
    assert second == (
        "pre-training: 256 tokens a step, 3.07 k in all; passes over the corpus are known once it "
        "is tokenized"
    )


def test_passes_are_the_tokens_read_by_those_of_the_corpus() -> None:
    found = Derived(2, 128, 2, 0, 4_400_000, 30_522, 8192, 20_480_000, 10_240_000, at_most=False)
    assert found.passes == 2
    assert lines_of(found)[1].endswith("20.5 M in all; 2 passes over the corpus of 10.2 M")
    assert [short(number) for number in (7, 1500, 3 * 10**9)] == ["7", "1.5 k", "3 G"]
