"""What lies behind an evaluation, through the recipe: on by a field, and only where it can be."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from flows.presets.loading import load_experiment
from flows.recipes.experiment import recipe
from tasks.contract import StageError
from tasks.experiment.mistakes import InvalidExperimentError
from tasks.machinery.execution.planner import Planner
from tasks.machinery.store.store import Store
from tasks.pages.generalization.sections import CARDS
from tests.support.stages_alone import StagesAlone
from tests.support.tiny_experiment import write_experiment


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The tiny experiment with one problem."""
    written = write_experiment(tmp_path / "data")
    values = yaml.safe_load(written.read_text())
    values["downstream"] = values["downstream"][:1]
    values["pretraining"]["steps"] = 2
    written.write_text(yaml.safe_dump(values, sort_keys=False))
    return written


def planned(file: Path, *settings: str) -> list[str]:
    """The titles of the stages."""
    planner = Planner(Store(Path("no store")))
    recipe(load_experiment(str(file), settings), planner)
    return [step.title for step in planner.steps]


def test_calibration_is_one_more_stage_of_problems_with_probabilities(tmp_path: Path) -> None:
    file = write_experiment(tmp_path)
    plain = planned(file)
    assert [*set(planned(file, "evaluation.calibration=temperature")) - set(plain)] == [
        "calibration mood"
    ]


def test_calibration_without_probabilities_is_refused_before_anything_runs(file: Path) -> None:
    with pytest.raises(StageError, match=r"evaluation\.calibration: found temperature, but no"):
        planned(file, "downstream.mood.several_labels=true", "evaluation.calibration=temperature")


ALL = [
    "evaluation.calibration=temperature",
    "evaluation.wanted_accuracy=0.5",
    "evaluation.learning_curve=[0.2]",
    "evaluation.mislabelled=true",
    "evaluation.near_duplicates=true",
    "evaluation.forgetting=true",
    "downstream.mood.slices=[length, label, animal]",
    "downstream.mood.epochs=1",
]


@pytest.mark.slow
def test_the_report_shows_what_was_found(file: Path, tmp_path: Path) -> None:
    rows = [line.split(",") for line in (file.parent / "moods.csv").read_text().splitlines()]
    told = [f"{text},{label},{text.split()[2]}" for text, label in rows[1:]]
    (file.parent / "moods.csv").write_text("\n".join(["text,label,animal", *told]) + "\n")
    press = [f"{' '.join(reversed(text.split()))},{label}" for text, label in rows[1:]]
    (file.parent / "press.csv").write_text("\n".join(["text,label", *press]) + "\n")
    with_further(file, name="press", source="press.csv")
    store = Store(tmp_path / "store")
    report = recipe(load_experiment(str(file), ALL), StagesAlone(store))
    page = (report.path / "show" / "report.md").read_text()
    stages = ["calibration", "mislabelled", "slices", "transfer"]
    stages += ["near-duplicates", "learning-curve", "forgetting"]
    titles = [report.key["part"][f"found_by.{number}"] for number in range(len(stages))]
    assert titles == [f"{stage} mood" for stage in stages]
    for stage in stages:
        assert f"## {CARDS[stage].TITLE}: mood" in page
        for figure in getattr(CARDS[stage], "FIGURES", {}):
            assert (report.path / "show" / f"mood-{figure}").is_file()
    planner = Planner(store)
    recipe(load_experiment(str(file), ALL), planner)
    assert {step.state for step in planner.steps} == {"cached"}


def test_slices_are_one_more_stage_and_are_checked_before_anything_runs(file: Path) -> None:
    more = {*planned(file, "downstream.mood.slices=[length, label]")} - {*planned(file)}
    assert more == {"slices mood"}
    with pytest.raises(StageError, match=r"no column 'origin' \(downstream\.mood\.slices\)"):
        planned(file, "downstream.mood.slices=[origin]")
    builtin = ("downstream.mood.source=builtin:pydocs-parameters", "downstream.mood.slices=[label]")
    with pytest.raises(StageError, match="but regression has no labels"):
        planned(file, "downstream.mood.problem=regression", *builtin)


def with_further(file: Path, **further: object) -> Path:
    """The experiment with a further test set."""
    values = yaml.safe_load(file.read_text())
    values["downstream"][0]["evaluate_also"] = [further]
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    return file


def test_a_further_test_set_is_searched_for_in_the_corpus_answered_and_compared(
    file: Path,
) -> None:
    before = {*planned(file)}
    press = file.parent / "press.csv"
    press.write_text((file.parent / "moods.csv").read_text().replace("text,", "body,"))
    with_further(file, name="press", source="press.csv", columns={"text": "body"})
    assert {*planned(file)} - before == {
        "further-test mood on press",
        "leakage mood on press",
        "evaluation mood on press",
        "transfer mood",
    }


def test_a_mistake_in_a_further_test_set_names_its_field(file: Path) -> None:
    with_further(file, name="press", source="moods.csv", columns={"text": "body"})
    where = r"downstream\.mood\.evaluate_also\.press"
    with pytest.raises(StageError, match=rf"{where}\.source: .*\({where}\.columns\.text\)"):
        planned(file)


def test_each_point_of_a_learning_curve_has_stages_of_its_own(file: Path) -> None:
    before = {*planned(file)}
    one = {*planned(file, "evaluation.learning_curve=[0.5, 1]")} - before
    at = "with 50 percent of the labels"
    assert one == {
        f"label-share mood {at}",
        f"finetuning mood {at}",
        f"finetuning mood from scratch {at}",
        f"evaluation mood {at}",
        "learning-curve mood",
    }


def test_rows_that_look_mislabelled_are_looked_for_in_classifications_alone(
    tmp_path: Path,
) -> None:
    file = write_experiment(tmp_path)
    more = {*planned(file, "evaluation.mislabelled=true")} - {*planned(file)}
    assert more == {"mislabelled mood"}
    several = "downstream.mood.several_labels=true"
    with pytest.raises(StageError, match=r"evaluation\.mislabelled: found true, but no problem"):
        planned(file, several, "evaluation.mislabelled=true")


def test_forgetting_needs_an_objective_whose_head_is_stored(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bow = "pretraining.objective=mlm+bow"
    asked = ("evaluation.forgetting=true", bow)
    assert {*planned(file, *asked)} - {*planned(file, bow)} == {"forgetting mood"}
    monkeypatch.setattr("tasks.experiment.choices.those_with", lambda *_: ("mlm",))
    with pytest.raises(InvalidExperimentError, match=r"found true, but.*objective mlm$"):
        planned(file, *asked)
