"""An experiment with the old names of fields is still read, and the new names are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.presets.loading import load_experiment
from tasks.experiment.experiment import Experiment
from tasks.experiment.jobs import EvaluateJob, PretrainJob
from tasks.experiment.mistakes import InvalidExperimentError, fields_at
from tasks.experiment.renamed import RENAMED, notes

OLD = {"name": "mood", "text_column": "body", "document_column": "page"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "mine.yaml"
    file.write_text("downstream:\n  - name: mood\n    text_column: body\n")
    return file


def test_a_file_with_an_old_name_is_read_and_the_new_one_is_told(file: Path) -> None:
    told: list[str] = []
    assert load_experiment(str(file), note=told.append).downstream[0].columns.text == "body"
    assert told == [
        f"{file}:3: downstream.0.text_column is an old name, read as downstream.0.columns.text"
    ]


def test_the_command_tells_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load_experiment(str(file))
    assert capsys.readouterr().err.startswith(f"temper: {file}:3: downstream.0.text_column is an")


@pytest.mark.parametrize("name", ["text_column", "columns.text"])
def test_a_setting_by_either_name_replaces_what_the_file_has(file: Path, name: str) -> None:
    told: list[str] = []
    experiment = load_experiment(str(file), [f"downstream.mood.{name}=a"], note=told.append)
    assert experiment.downstream[0].columns.text == "a"
    assert experiment.variant == "mood.columns.text=a"
    assert len(told) == (2 if name == "text_column" else 1)


def test_a_mistake_in_a_renamed_field_names_its_line(file: Path) -> None:
    file.write_text(file.read_text().replace("body", "[a]"))
    with pytest.raises(InvalidExperimentError) as caught:
        load_experiment(str(file), note=lambda _: None)
    assert str(caught.value).startswith(f"{file}:3: downstream.mood.columns.text: found a list")


def test_a_value_under_both_names_is_refused(file: Path) -> None:
    file.write_text(f"{file.read_text()}    columns: {{text: a}}\n")
    with pytest.raises(InvalidExperimentError, match=r"old name of columns\.text, which is given"):
        load_experiment(str(file), note=lambda _: None)


def test_what_deployments_store_is_read_wherever_rows_are_described() -> None:
    whole = Experiment.model_validate({"downstream": [OLD]})
    assert (whole.downstream[0].columns.text, whole.downstream[0].columns.document) == (
        "body",
        "page",
    )
    assert PretrainJob.model_validate({"held_out": [OLD]}).held_out[0].columns.text == "body"
    job = EvaluateJob.model_validate({"model": "models:/a/1", "data": OLD})
    assert job.data.columns.text == "body"
    assert len(notes({"experiment": {"downstream": [OLD]}})) == 2


def test_every_new_name_is_a_field() -> None:
    for old, new in RENAMED["downstream"].items():
        *above, last = new.split(".")
        assert last in fields_at(("downstream", *above)), old
