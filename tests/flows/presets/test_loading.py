"""Presets, files and settings become an experiment."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.presets.loading import load_any, load_experiment, presets, summary_of
from flows.runs.experiment import title_of
from tasks.experiment.mistakes import InvalidExperimentError


@pytest.mark.parametrize("name", presets())
def test_every_preset_is_valid_and_says_what_it_is(name: str) -> None:
    assert load_any(name).name
    assert 10 < len(summary_of(presets()[name])) < 120


def test_settings_change_values_problems_by_name_or_index() -> None:
    experiment = load_experiment(
        "demo", ["seed=3", "downstream.library.epochs=2", "downstream.1.learning_rate=2e-4"]
    )
    assert experiment.seed == 3
    assert experiment.downstream[0].epochs == 2
    assert experiment.downstream[1].learning_rate == 2e-4


def test_paths_in_a_file_are_relative_to_the_file(tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("corpus: {source: texts}\ndownstream: [{source: builtin:pydocs-code}]\n")
    monkeypatch.chdir("/")
    experiment = load_experiment(str(file))
    assert experiment.corpus.source == str(tmp_path / "texts")
    assert experiment.downstream[0].source == "builtin:pydocs-code"


def test_paths_in_a_setting_are_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_experiment("demo", ["corpus.source=here"]).corpus.source == str(tmp_path / "here")


@pytest.mark.parametrize("name", [".", "..", "/", "./"])
def test_a_folder_is_no_experiment(name: str) -> None:
    with pytest.raises(InvalidExperimentError, match=r"is a folder; accepted: a \.yaml file"):
        load_experiment(name)


def test_no_name_is_no_preset() -> None:
    with pytest.raises(InvalidExperimentError, match=r"no preset ''.* Accepted: demo"):
        load_experiment("")


def test_the_title_tells_both_bounds_of_a_training() -> None:
    bounded = load_experiment("demo", ["pretraining.minutes=1.5", "pretraining.steps=10000"])
    assert title_of(bounded) == "demo · bert 2×128 · 10,000 steps or 1.5 min"


def test_mistakes_without_end_are_counted_and_not_listed(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("model:\n" + "".join(f"  x{number}: 1\n" for number in range(500)))
    with pytest.raises(InvalidExperimentError) as refused:
        load_experiment(str(file))
    assert len(refused.value.lines) == 21
    assert refused.value.lines[-1] == "and 480 more mistakes"
