"""What a notebook calls: the same runs as the commands', results as tables, mistakes as exceptions.

All of it in one process with an event loop that is running, as in Jupyter.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

import flows
from flows.calls.experiments import settings_of
from tasks.contract import StageError
from tasks.experiment.mistakes import InvalidExperimentError
from tests.conftest import ROOT
from tests.support.command import call
from tests.support.tiny_experiment import write_experiment
from tests.test_layout import imported_by

NOTEBOOK = """
import asyncio, json, sys
from flows import Experiment, compare, plan, predict, run
import yaml

async def cells(file, rows):
    before = plan(file)
    first = run(file)
    again = run(file)
    other = run(file, {"seed": 1, "evaluation.from_scratch": False})
    values = yaml.safe_load(open(file))
    own = plan(Experiment(**values))
    found = compare(first, other)
    answers = predict(first.models["finetuning mood"], rows)
    texts = predict(first.models["finetuning mood"], list(answers["text"][:3]))
    return {
        "before": before.to_run,
        "own": own.to_run,
        "computed": [first.computed, again.computed, other.computed],
        "passes": plan(file).numbers.passes,
        "tokens": [before.numbers.corpus, before.numbers.tokens],
        "ids": [first.id, again.id, other.id],
        "metrics": first.metrics.to_dict("records"),
        "summary": first.summary.metrics,
        "report": first._repr_markdown_(),
        "plan": before._repr_html_(),
        "compared": found.metrics.to_dict("records"),
        "differences": found.differences.to_dict("records"),
        "settings": list(found.settings.index),
        "page": found._repr_html_(),
        "answers": answers.to_dict("records"),
        "texts": texts.to_dict("records"),
    }

found = asyncio.run(cells(*sys.argv[1:3]))
json.dump(found, open(sys.argv[3], "w"))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, prefect_server: str) -> SimpleNamespace:
    """A notebook that has run: what it found, and the environment of commands on its state."""
    folder = tmp_path_factory.mktemp("notebook")
    file = write_experiment(folder / "data")
    environment = os.environ | {"PREFECT_API_URL": prefect_server, "PYTHONPATH": str(ROOT)}
    environment |= {"TEMPER_HOME": str(folder / "home")}
    environment.pop("MLFLOW_TRACKING_URI", None)
    rows = folder / "data" / "moods.csv"
    done = subprocess.run(
        [sys.executable, "-c", NOTEBOOK, str(file), str(rows), str(folder / "found.json")],
        cwd=folder / "data",  # the paths of the file, for the object with its values
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    found = json.loads((folder / "found.json").read_text())
    return SimpleNamespace(folder=folder, file=file, rows=rows, environment=environment, **found)


def temper(place: SimpleNamespace, *words: str) -> str:
    done = call(*words, environment=place.environment, folder=place.folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_run_is_computed_once_and_found_by_the_command(place: SimpleNamespace) -> None:
    first, again, other = place.computed
    assert place.before == first
    assert again == []
    assert "pretraining" in other
    assert "corpus" not in other
    assert place.own == []  # an object with the same values as the file
    assert "nothing to compute" in temper(place, "plan", str(place.file))


@pytest.mark.slow
def test_a_plan_counts_passes_over_a_corpus_that_is_tokenized(place: SimpleNamespace) -> None:
    before, read = place.tokens
    assert before is None
    assert read == 12 * 8 * 32  # steps, sequences, tokens
    assert 0 < place.passes < read
    assert "passes over the corpus of" in temper(place, "plan", str(place.file))


@pytest.mark.slow
def test_the_command_after_it_has_the_same_results(place: SimpleNamespace) -> None:
    output = place.folder / "out.json"
    temper(place, "run", str(place.file), "--output", str(output))
    assert json.loads(output.read_text())["metrics"] == place.summary


@pytest.mark.slow
def test_metrics_are_a_table_with_intervals(place: SimpleNamespace) -> None:
    table = pd.DataFrame(place.metrics).set_index(["of", "model", "metric"])
    row = table.loc[("mood", "", "accuracy")]
    assert row["value"] == place.summary["downstream/mood/accuracy"]
    assert row["low"] == place.summary["downstream/mood/accuracy/low"]
    assert row["high"] == place.summary["downstream/mood/accuracy/high"]
    assert pd.isna(table.loc[("pretraining", "", "steps")]["low"])
    assert len(table) == sum(not name.endswith(("/low", "/high")) for name in place.summary)


@pytest.mark.slow
def test_report_plan_and_comparison_are_shown_inline(place: SimpleNamespace) -> None:
    assert place.report.startswith("# ")
    assert "](data:image/png;base64," in place.report
    assert ".png)" not in place.report
    assert "<table" in place.plan
    assert "<section>" in place.page
    assert "<style" not in place.page  # the notebook's is not changed


@pytest.mark.slow
def test_a_comparison_has_the_numbers_of_the_command(place: SimpleNamespace) -> None:
    file = place.folder / "comparison.json"
    temper(place, "compare", place.ids[0], place.ids[2], "--json", str(file))
    said = json.loads(file.read_text())
    assert [row["difference"] for row in place.differences] == [
        each["value"] for each in said["differences"]
    ]
    assert {row["verdict"] for row in place.differences} == {
        each["verdict"] for each in said["differences"]
    }
    assert "seed" in place.settings
    values = {(row["of"], row["model"], row["metric"], row["run"]): row for row in place.compared}
    name = "downstream/mood/accuracy"
    for label, value in said["metrics"][name]["values"].items():
        assert values["mood", "", "accuracy", label]["value"] == value["value"]


@pytest.mark.slow
def test_predictions_have_the_numbers_of_the_command(place: SimpleNamespace) -> None:
    model = f"runs:/{place.ids[0]}/finetuning mood"
    lines = temper(place, "predict", model, str(place.rows)).splitlines()
    assert [json.loads(line) for line in lines] == place.answers
    for row, whole in zip(place.texts, place.answers, strict=False):  # other batches
        assert row["text"] == whole["text"]
        assert row["predicted"] == whole["predicted"]
        assert row["probability"] == pytest.approx(whole["probability"], abs=1e-5)


def test_importing_it_loads_nothing() -> None:
    heavy = {"torch", "transformers", "prefect", "mlflow", "pandas", "pydantic"}
    assert not imported_by("import flows") & heavy
    heavy -= {"pydantic"}
    code = "from flows import Experiment, plan, run, compare, predict"
    assert not imported_by(code) & heavy


def test_its_names_are_the_functions_also_beside_the_flows() -> None:
    import flows.comparison
    import flows.experiment

    assert all(callable(getattr(flows, name)) for name in flows.__all__)
    with pytest.raises(AttributeError, match="no attribute 'training'"):
        _ = flows.training


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"pretraining.stepz": 3}, "pretraining.stepz: no such field; did you mean steps"),
        ({"downstream.mood.epochs": 0}, "downstream.mood.epochs: found 0"),
        ({"downstream.moods.epochs": 1}, "no downstream problem 'moods'; did you mean mood"),
    ],
)
def test_a_mistake_is_an_exception_with_the_command_s_message(
    tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    file = write_experiment(tmp_path / "data")
    with pytest.raises(InvalidExperimentError) as caught:
        flows.plan(file, settings)
    assert said in str(caught.value)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    words = [word for each in settings_of(settings) for word in ("--set", each)]
    done = call("plan", str(file), *words, environment=environment)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [f"temper: {line}" for line in caught.value.lines]


def test_an_experiment_says_what_is_wrong_with_it() -> None:
    with pytest.raises(InvalidExperimentError, match="no such field; did you mean layers"):
        flows.Experiment(model={"layer": 2})
    with pytest.raises(InvalidExperimentError, match="no such stage; did you mean corpus"):
        flows.plan(flows.Experiment(), refresh=["corps"])


@pytest.mark.usefixtures("home")
def test_rows_that_no_model_reads_are_refused(tmp_path: Path) -> None:
    from flows.calls.inputs import in_memory

    table = pd.DataFrame({"texts": ["a"]})
    with pytest.raises(StageError, match="no column 'text'; it has: texts"):
        list(in_memory(table, "text", words=False))
    with pytest.raises(StageError, match="rows, number 2: found ''"):
        list(in_memory(["a", ""], "text", words=False))
    with pytest.raises(StageError, match="the model reads pairs"):
        list(in_memory(["a"], "text", "second_text", words=False))
    read = in_memory([("a", "b"), ["c", "d"]], "text", "second_text", words=False)
    assert list(read) == [("a", "b"), ("c", "d")]
    assert list(in_memory(["a b", ["c"]], "tokens", words=True)) == [["a", "b"], ["c"]]


def test_changes_are_written_as_set_reads_them() -> None:
    changes = {"seed": 1, "name": "1", "corpus.source": Path("/a b"), "x": "hf:a/b", "y": True}
    assert settings_of(changes) == [
        "seed=1",
        'name="1"',
        "corpus.source=/a b",
        "x=hf:a/b",
        "y=true",
    ]
