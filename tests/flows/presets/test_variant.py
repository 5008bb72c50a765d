"""The name of a run tells what sets it apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.presets.loading import load_experiment
from flows.presets.variant import LONGEST
from flows.runs.experiment import title_of, work_of
from tasks.experiment.mistakes import InvalidExperimentError

IN_THE_TITLE = ["name=other", "model.layers=4", "pretraining.steps=9", "checkpoints.every_steps=5"]


@pytest.mark.parametrize(
    ("settings", "variant"),
    [
        (["seed=1", "downstream.library.learning_rate=3e-4"], "seed=1, library.learning_rate=3e-4"),
        (["seed=1", "seed=2"], "seed=2"),
        (["downstream.0.epochs=2", "downstream.library.epochs=4"], "library.epochs=4"),
        (["downstream.library.epochs=2", "downstream=[]"], "downstream=[]"),
        (["corpus.source=/data/v1/texts"], "corpus.source=v1/texts"),
        (["corpus.source=hf:me/texts:plain"], "corpus.source=hf:me/texts:plain"),
        (["corpus.text_column=a\n  b/c"], "corpus.text_column=a b/c"),
        (IN_THE_TITLE, ""),
        (["seed=1", "variant=mine"], "mine"),
    ],
)
def test_the_name_of_a_run_tells_what_settings_changed(settings: list[str], variant: str) -> None:
    experiment = load_experiment("demo", settings)
    assert experiment.variant == variant
    name = f"{experiment.name} · bert "
    assert title_of(experiment).startswith(f"{variant} · {name}" if variant else name)


def test_what_the_file_says_comes_first(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("variant: baseline\n")
    assert load_experiment(str(file)).variant == "baseline"
    assert load_experiment(str(file), ["seed=1"]).variant == "baseline, seed=1"


def test_of_many_settings_the_last_are_told() -> None:
    names = [f"downstream.library.{name}=1" for name in ("epochs", "batch_size", "train_examples")]
    variant = load_experiment("demo", [*names, "corpus.validation_share=0.25", "seed=7"]).variant
    assert len(variant) == LONGEST
    assert variant.startswith("…")
    assert variant.endswith(", seed=7")


@pytest.mark.parametrize("given", ["3", "[a]", '"a\\nb"', "null"])
def test_a_variant_that_is_no_line_of_text_is_refused(given: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"variant: {given}\n")
    with pytest.raises(InvalidExperimentError, match=r"mine.yaml:1: variant: found .*accepted: te"):
        load_experiment(str(file), ["seed=1"])


def test_what_a_run_is_called_changes_neither_what_it_is_nor_its_parameters() -> None:
    plain, named = (work_of(load_experiment("demo", [f"variant={text}"])) for text in ("", "x"))
    assert named.title == f"x · {plain.title}"
    assert named.identity == plain.identity
    assert named.parameters == plain.parameters
