"""Comparing real runs of the tiny experiment: the commands, the files they write, and the flow."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from mlflow import MlflowClient
from PIL import Image
from typer.testing import CliRunner

from flows.commands.compare import compare, leaderboard
from tasks.machinery.tracking.stored_runs import StoredRuns
from tests.support.tiny_experiment import write_experiment

pytestmark = pytest.mark.slow

# What each run changes. The last is the first again; the one before has another test set of names.
CHANGES = {
    "reseeded": ["seed=1"],
    "first": [],
    "other": ["downstream.mood.learning_rate=2e-2", "pretraining.steps=40"],
    "apart": ["downstream.names.test_share=0.4"],
    "again": [],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory, prefect_server: str) -> Iterator[SimpleNamespace]:
    """A state folder with four runs of the tiny experiment, their ids and results by name."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    from flows.experiment import run_experiment
    from flows.presets.loading import load_experiment

    folder = tmp_path_factory.mktemp("compare")
    file, home = write_experiment(folder / "data"), folder / "home"
    results = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEMPER_HOME", str(home))
        patch.setenv("PREFECT_API_URL", prefect_server)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        with temporary_settings({PREFECT_API_URL: prefect_server}):
            for name, settings in CHANGES.items():  # in this process: each start takes seconds
                results[name] = run_experiment(load_experiment(str(file), settings))
    ids = {name: result["mlflow"]["run_id"] for name, result in results.items()}
    yield SimpleNamespace(folder=folder, home=home, results=results, ids=ids)


@pytest.fixture
def at(place, monkeypatch) -> SimpleNamespace:
    """The place, with the commands looking at it."""
    monkeypatch.setenv("TEMPER_HOME", str(place.home))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return place


def call(*words: str) -> SimpleNamespace:
    """Run the command in this process; what it prints is folded at 120 columns."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(compare)
    app.command()(leaderboard)
    done = CliRunner().invoke(app, list(words))
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return SimpleNamespace(code=done.exit_code, out=done.stdout, err=done.stderr)


def compared(tmp_path: Path, *words: str) -> dict:
    """What `compare --json` writes."""
    file = tmp_path / "found.json"
    done = call("compare", *words, "--json", str(file))
    assert done.code == 0, done.err
    return json.loads(file.read_text())


def test_by_default_the_last_two_are_compared(at, tmp_path) -> None:
    found = compared(tmp_path)
    assert {k: run["run_id"] for k, run in found["runs"].items()} == {
        "A": at.ids["apart"],
        "B": at.ids["again"],
    }


def test_what_is_printed_has_all_parts_and_fits_120_columns(at) -> None:
    printed = call("compare", "--last", "4").out
    lines = printed.splitlines()
    assert max(map(len, lines)) <= 120
    for title in ("Parameters that differ", "Differences, tested", "Cost", "Where they disagree"):
        assert any(line.startswith(title) for line in lines), title
    assert "A and D have the same results." in lines
    assert re.search(
        r"^names: the test splits differ in content \(A, B, D / C\)", printed, re.MULTILINE
    )


def test_only_parameters_that_differ_are_shown_problems_by_name(at, tmp_path) -> None:
    found = compared(tmp_path, at.ids["first"], at.ids["other"][:8])
    assert found["parameters"] == {
        "pretraining.steps": {"A": "12", "B": "40"},
        "downstream.mood.learning_rate": {"A": "0.001", "B": "0.02"},
    }
    assert found["data"] == {}


def test_metrics_are_those_of_the_runs_with_their_intervals(at, tmp_path) -> None:
    found = compared(tmp_path, at.ids["first"], at.ids["other"])
    for label, name in (("A", "first"), ("B", "other")):
        metrics = at.results[name]["metrics"]
        for metric in ("downstream/mood/accuracy", "downstream/names/f1", "downstream/mood/gain"):
            value = found["metrics"][metric]["values"][label]
            assert value["value"] == pytest.approx(metrics[metric])
            assert value["low"] == pytest.approx(metrics[f"{metric}/low"])
            assert value["high"] == pytest.approx(metrics[f"{metric}/high"])
    losses = found["metrics"]["pretraining/validation_loss"]
    values = {label: each["value"] for label, each in losses["values"].items()}
    assert losses["best"] == [min(values, key=values.get)]


def test_differences_are_those_of_the_headline_metrics_and_corrected_together(at, tmp_path) -> None:
    found = compared(tmp_path, at.ids["first"], at.ids["other"])
    by_problem = {each["problem"]: each for each in found["differences"]}
    assert set(by_problem) == {"mood", "names"}
    for problem, metric in (("mood", "accuracy"), ("names", "f1")):
        each = by_problem[problem]
        values = [
            at.results[name]["metrics"][f"downstream/{problem}/{metric}"]
            for name in ("first", "other")
        ]
        assert each["value"] == pytest.approx(values[0] - values[1])
        assert each["low"] <= each["value"] <= each["high"]
    p, corrected = zip(*((e["p"], e["adjusted"]) for e in found["differences"]), strict=True)
    assert min(corrected) == pytest.approx(min(1, 2 * min(p)))
    assert all(a <= b for a, b in zip(p, corrected, strict=True))


def test_the_same_results_do_not_differ(at, tmp_path) -> None:
    found = compared(tmp_path, at.ids["first"], at.ids["again"])
    assert found["same_results"] == [["A", "B"]]
    assert found["parameters"] == {}
    assert {each["verdict"] for each in found["differences"]} == {"no difference at all"}
    assert found["disputed"] == {"mood": [], "names": []}
    assert not any(row["best"] for row in found["metrics"].values())


def test_other_test_sets_are_told_by_content_and_not_tested(at, tmp_path) -> None:
    found = compared(tmp_path, at.ids["first"], at.ids["apart"])
    assert {each["problem"] for each in found["differences"]} == {"mood"}
    assert any(
        "names: the test splits differ in content (A / B)" in text for text in found["not_tested"]
    )
    assert list(found["data"]) == ["dataset names", "corpus"] or "dataset names" in found["data"]
    assert found["metrics"]["downstream/names/f1"]["best"] == []


def test_costs_are_those_of_the_artifacts_also_where_cached(at, tmp_path) -> None:
    found = compared(tmp_path, at.ids["first"], at.ids["again"], "--watts", "100")
    folders = {stage["path"] for stage in at.results["first"]["stages"]}
    manifests = [json.loads((Path(f).parent / "manifest.json").read_text()) for f in folders]
    seconds = sum(manifest["seconds"] for manifest in manifests)
    for cost in found["costs"].values():
        assert cost["seconds"] == pytest.approx(seconds)
        assert cost["unknown"] == []
        assert cost["tokens"] == at.results["first"]["metrics"]["pretraining/tokens"]
        assert cost["parameters"] == at.results["first"]["metrics"]["pretraining/parameters"]
        assert 0 < cost["watt_hours"] <= seconds * 100 / 3600 * 1.0001
    assert found["power"]["source"] == "100 W at full load, as given"


def test_curves_are_those_of_the_store_by_step_and_time(at, tmp_path) -> None:
    found = compared(tmp_path, at.ids["first"], at.ids["other"])
    names = {(each["stage"], each["metric"]) for each in found["curves"]}
    assert {
        ("pretraining", "loss"),
        ("pretraining", "quick_validation_loss"),
        ("finetuning mood", "loss"),
        ("finetuning names", "validation_loss"),
    } <= names
    curve = found["curves"][0]["curves"]
    assert found["curves"][0]["stage"] == "pretraining"
    assert (curve["A"]["steps"][-1], curve["B"]["steps"][-1]) == (12, 40)
    for each in curve.values():
        assert each["seconds"] == sorted(each["seconds"])
        assert each["seconds"][0] >= 0
    client = MlflowClient(at.results["first"]["mlflow"]["tracking_uri"])
    [stage] = [s for s in at.results["first"]["stages"] if s["name"] == "pretraining"]
    told = [point.value for point in client.get_metric_history(stage["run_id"], "loss")]
    assert curve["A"]["values"] == pytest.approx(told)


def test_the_most_disputed_rows_come_first_with_all_answers(at, tmp_path) -> None:
    found = compared(tmp_path, at.ids["first"], at.ids["other"], "--examples", "3")
    disputed = found["disputed"]["mood"]
    assert len(disputed) == 3
    assert [e["apart"] for e in disputed] == sorted((e["apart"] for e in disputed), reverse=True)
    rows = (at.folder / "data" / "moods.csv").read_text()
    for each in disputed:
        assert f"{each['text']},{each['truth']}" in rows
        assert [answer["run"] for answer in each["answers"]] == ["A", "B"]
        assert all(a["right"] == (a["text"] == each["truth"]) for a in each["answers"])


def test_the_html_is_one_file_that_needs_nothing_else(at, tmp_path) -> None:
    file = tmp_path / "found.html"
    assert call("compare", "--last", "4", "--html", str(file)).code == 0
    text = file.read_text()
    assert not re.search(r"https?:|<script|<link|@import|url\(", text)
    images = re.findall(r'<img src="data:image/png;base64,([^"]+)"', text)
    assert len(images) == text.count("<img") >= 6
    for number, image in enumerate(images):
        picture = tmp_path / f"{number}.png"
        picture.write_bytes(base64.b64decode(image))
        assert Image.open(picture).size[0] > 500
    assert len(text) < 3_000_000


def test_markdown_comes_with_its_figures(at, tmp_path) -> None:
    file = tmp_path / "found.md"
    done = call("compare", at.ids["first"], at.ids["other"], "--markdown", str(file))
    assert f"written: {file}" in done.out
    text = file.read_text()
    figures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert len(figures) >= 6
    assert all((tmp_path / name).is_file() for name in figures)
    assert "| pretraining.steps | 12 | 40 |" in text


@contextmanager
def away(*paths: Path) -> Iterator[None]:
    """Files or folders that are gone for a while."""
    with ExitStack() as back:
        for path in paths:
            aside = path.with_name(f"{path.name}.away")
            path.rename(aside)
            back.callback(aside.rename, path)
        yield


def test_what_was_freed_is_taken_from_mlflow_and_else_told_to_be_gone(at, tmp_path) -> None:
    pair = (at.ids["first"], at.ids["other"])
    whole = compared(tmp_path, *pair)
    store = [at.home / "store" / name for name in ("evaluation", "pretraining")]
    with away(*store):
        freed = compared(tmp_path, *pair)
        for part in ("differences", "not_tested", "disputed", "curves", "costs"):
            assert freed[part] == whole[part], part
        logged = list((at.home / "mlartifacts").rglob("predictions.parquet"))
        assert logged
        with away(*logged):
            gone = compared(tmp_path, *pair)
    assert gone["differences"] == []
    assert len(gone["not_tested"]) == 4
    assert "neither in the store (deleted) nor in MLflow" in gone["not_tested"][0]


def test_a_filter_narrows_what_is_compared(at, tmp_path) -> None:
    found = compared(
        tmp_path, "--filter", "params.`pretraining.steps` = '12' and params.seed = '0'"
    )
    ids = [run["run_id"] for run in found["runs"].values()]
    assert ids == [at.ids[name] for name in ("first", "apart", "again")], "the oldest first"


NAME = "seed=0 · tiny · bert 1×16 · 12 steps"
OTHER = "mood.learning_rate=2e-2 · tiny · bert 1×16 · 40 steps"
MISTAKES = {
    "unknown": ([OTHER[:-1], NAME], f"did you mean '{OTHER}'"),
    "ambiguous": ([NAME, "x"], "is the name of 2 runs; give the id"),
    "too few": ([OTHER], "a comparison needs two"),
    "both": (["x", "--last", "2"], "name the runs, or give --last or --filter"),
    "filter": (["--filter", "params.x >"], "MLflow does not accept the filter"),
    "nothing fits": (["--filter", "metrics.none > 1"], "no run matches the filter"),
    "experiment": (["--experiment", "tony"], "did you mean tiny"),
    "folder": (["--html", "/nowhere/found.html"], "no folder /nowhere"),
}


@pytest.mark.parametrize("words, said", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_told_with_what_to_do(at, words, said) -> None:
    done = call("compare", *words)
    assert done.code == 2
    assert said in done.err
    assert done.out == ""


def test_candidates_of_an_ambiguous_name_are_listed_with_when_and_id(at) -> None:
    said = call("compare", NAME, "x").err
    for name in ("first", "again"):
        assert at.ids[name][:12] in said
    assert at.ids["apart"][:12] not in said, "its name tells what is different"
    assert len(re.findall(r"\d{4}-\d\d-\d\d \d\d:\d\d", said)) == 2


def test_without_runs_both_commands_say_how_to_begin(home) -> None:
    for command in ("compare", "leaderboard"):
        done = call(command)
        assert done.code == 2
        assert "Run an experiment first" in done.err
    assert not (home / "mlflow.db").exists(), "asking makes no database"


def test_mlflow_out_of_reach_ends_with_1(at, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    done = call("leaderboard")
    assert done.code == 1
    assert "cannot reach MLflow at 127.0.0.1:9 (MLFLOW_TRACKING_URI)" in done.err


def test_the_leaderboard_has_a_row_for_each_result_and_folds_duplicates(at, tmp_path) -> None:
    file = tmp_path / "board.json"
    done = call("leaderboard", "tiny", "--metric", "mood/accuracy", "--json", str(file))
    assert max(map(len, done.out.splitlines())) <= 120
    board = json.loads(file.read_text())
    [group] = board["groups"]
    assert group["ranked_by"] == ["downstream/mood/accuracy"]
    rows = {row["run_id"]: row for row in group["rows"]}
    times = {run_id: row["times"] for run_id, row in rows.items()}
    assert times == {at.ids["again"]: 3, at.ids["other"]: 1, at.ids["apart"]: 1}
    assert rows[at.ids["again"]]["seeds"] == ["0", "1"]
    values = [row["metrics"]["downstream/mood/accuracy"]["value"] for row in group["rows"]]
    assert values == sorted(values, reverse=True)
    assert all(row["seconds"] > 0 for row in group["rows"])
    parameters = group["rows"][0]["parameters"].keys()
    assert {"pretraining.steps", "downstream.names.test_share"} <= parameters
    assert "content of dataset names" in parameters
    assert "seed" not in parameters


def test_runs_on_other_test_rows_have_a_table_of_their_own(at, tmp_path) -> None:
    file = tmp_path / "board.json"
    printed = call("leaderboard", "tiny", "--json", str(file)).out
    groups = json.loads(file.read_text())["groups"]
    found = [{row["run_id"] for row in group["rows"]} for group in groups]
    assert found == [{at.ids["again"], at.ids["other"]}, {at.ids["apart"]}]
    assert "1 of 2: mood (test rows " in printed


def test_runs_that_differ_by_the_seed_alone_are_one_setting(at, tmp_path) -> None:
    ids = [at.ids[name] for name in ("reseeded", "first", "other")]
    found = compared(tmp_path, *ids)
    assert found["settings"] == [["A", "B"], ["C"]]
    pairs = {(each["problem"], each["first"], each["second"]) for each in found["differences"]}
    assert pairs == {("mood", "mean of A, B", "C"), ("names", "mean of A, B", "C")}
    accuracy = found["metrics"]["downstream/mood/accuracy"]
    values = [accuracy["values"][label]["value"] for label in "AB"]
    [spread, _] = accuracy["over_seeds"]
    assert spread["mean"] == pytest.approx(sum(values) / 2)
    assert (spread["low"], spread["high"]) == (min(values), max(values))
    alone = call("compare", *ids[:2]).out
    assert "A and B differ by the seed alone: they are one setting." in alone
    assert "better than" not in alone


def test_the_leaderboard_asks_mlflow_at_most_once_whatever_the_number_of_runs(
    at, monkeypatch
) -> None:
    calls = []
    for name in ("search_runs", "get_run", "get_metric_history", "list_artifacts"):
        real = getattr(MlflowClient, name)

        def counted(self, *words, _real=real, _name=name, **named):
            calls.append(_name)
            return _real(self, *words, **named)

        monkeypatch.setattr(MlflowClient, name, counted)
    found = call("leaderboard")
    assert (found.code, calls) == (0, [])  # it reads the database of this machine
    monkeypatch.setattr(StoredRuns, "runs", lambda *_: None)
    asked = call("leaderboard")
    assert (asked.code, calls) == (0, ["search_runs"])
    assert asked.out == found.out


def test_the_flow_leaves_a_page_in_prefect_and_a_run_in_mlflow(at, prefect) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey

    from flows.comparison import compare_runs

    found = compare_runs(runs=[at.ids["first"], at.ids["other"]], examples=2)
    assert list(found["runs"].values()) == [at.ids["first"], at.ids["other"]]
    assert len(found["verdicts"]) == 2
    client = MlflowClient(at.results["first"]["mlflow"]["tracking_uri"])
    run = client.get_run(found["mlflow_run_id"])
    assert run.info.status == "FINISHED"
    assert client.get_experiment(run.info.experiment_id).name == "comparisons"
    assert run.data.tags["temper.compares.A"] == at.ids["first"]
    assert "mood/A-B/difference" in run.data.metrics
    files = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert {"comparison.html", "comparison.md", "comparison.json"} <= files
    named = ArtifactFilter(key=ArtifactFilterKey(any_=["comparison"]))
    with get_client(sync_client=True) as api:
        pages = api.read_artifacts(artifact_filter=named)
    page = max(pages, key=lambda each: each.created)  # other tests of this process make some too
    assert "](data:image/png;base64," in page.data
    assert call("compare", "--last", "2").code == 0, "a comparison is no run of an experiment"


def test_the_flow_fails_with_the_message_where_the_runs_are_unknown(at, prefect) -> None:
    from flows.comparison import compare_runs
    from tasks.contract import StageError

    with pytest.raises(StageError, match="no run is called 'nonsense'"):
        compare_runs(runs=["nonsense"])
