"""The parts on their own: each shares its stages with whole experiments, for any model."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
import yaml
from mlflow import MlflowClient
from typer.testing import CliRunner

from flows.commands.main import app
from flows.experiment import run_experiment
from flows.parts import evaluate, finetune, pretrain
from flows.presets.loading import load_experiment
from flows.recipes.experiment import recipe
from tasks.contract import StageError
from tasks.experiment.experiment import Experiment
from tasks.experiment.jobs import EvaluateJob, FinetuneJob, PretrainJob
from tasks.experiment.mistakes import InvalidExperimentError
from tasks.machinery.host.home import make_home
from tasks.machinery.servers.servers import answers
from tasks.machinery.store.store import Store
from tasks.timing.planner import TimedPlanner
from tests.support.tiny_experiment import write_experiment
from tests.support.tiny_models import write_body

pytestmark = pytest.mark.slow


class Place:
    """A state folder in which the tiny experiment has run once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = write_experiment(folder / "data")
        self.whole: Experiment = load_experiment(str(self.file))
        self.first: dict[str, Any] = run_experiment(self.whole)
        self.client = MlflowClient(self.first["mlflow"]["tracking_uri"])

    def stage(self, name: str) -> dict[str, Any]:
        [found] = [stage for stage in self.first["stages"] if stage["name"] == name]
        return found

    def problem(self, name: str) -> Any:
        [found] = [each for each in self.whole.downstream if each.name == name]
        return found


@pytest.fixture(scope="module")
def place(tmp_path_factory, prefect_server: str) -> Iterator[Place]:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    folder = tmp_path_factory.mktemp("parts")
    with (
        pytest.MonkeyPatch.context() as patch,
        temporary_settings({PREFECT_API_URL: prefect_server}),
    ):
        patch.setenv("TEMPER_HOME", str(folder / "home"))
        patch.setenv("PREFECT_API_URL", prefect_server)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        make_home()
        yield Place(folder)


def states(result: dict[str, Any]) -> dict[str, str]:
    return {stage["name"]: stage["state"] for stage in result["stages"]}


def page_of(result: dict[str, Any], stage: str = "report") -> str:
    [path] = [Path(each["pages"]) for each in result["stages"] if each["name"] == stage]
    return (path / "card.md").read_text()


def test_pretraining_alone_shares_every_stage_with_the_whole_experiment(place: Place) -> None:
    result = pretrain(PretrainJob.of(place.whole))
    names = ["dataset mood", "dataset names", "corpus", "tokenizer", "tokens", "pretraining"]
    assert states(result) == dict.fromkeys(names, "cached")
    first = [stage for stage in place.first["stages"] if stage["name"] in names]
    assert result["stages"] == [stage | {"state": "cached"} for stage in first]
    run = place.client.get_run(result["mlflow"]["run_id"])
    assert run.data.tags["temper.stage"] == "pretrain"
    assert run.data.metrics["pretraining/validation_loss"] > 0
    assert run.data.params["held_out.mood.source"].endswith("moods.csv")
    assert "# Pre-training" in run.data.tags["mlflow.note.content"]


@contextlib.contextmanager
def served(place: Place, run_id: str) -> Iterator[str]:
    """The address of `mlflow models serve` for the model of a stage's run."""
    logged = place.client.get_run(run_id).info.experiment_id
    [model] = place.client.search_logged_models(
        [logged], filter_string=f"source_run_id = '{run_id}'"
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    command += ["--model-uri", f"models:/{model.model_id}", "--port", str(port)]
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": place.first["mlflow"]["tracking_uri"],
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # it starts `uvicorn`
    }
    with (place.folder / "serve.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        until = time.monotonic() + 120
        while not answers(f"{address}/ping"):
            assert server.poll() is None, (place.folder / "serve.log").read_text()[-2000:]
            assert time.monotonic() < until
            time.sleep(0.5)
        yield address
    finally:
        for child in [*psutil.Process(server.pid).children(recursive=True), server]:
            child.kill()
        server.wait()


def asked(address: str, texts: list[str]) -> Any:
    """What a served model answers to texts."""
    body = json.dumps({"inputs": texts}).encode()
    request = urllib.request.Request(
        f"{address}/invocations", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())["predictions"]


def test_classes_are_served_as_they_were_measured(place: Place) -> None:
    table = pd.read_parquet(Path(place.stage("evaluation mood")["path"]) / "predictions.parquet")
    texts = list(table["text"])
    long = "cat " * 2000  # beyond the positions of the model
    with served(place, place.stage("finetuning mood")["run_id"]) as address:
        found = asked(address, [*texts, long])
        assert found[-1] == asked(address, ["cat " * 30])[0], "truncated as in the evaluation"
    assert [each["label"] for each in found[:-1]] == list(table["predicted"])
    scores = [each["score"] for each in found[:-1]]
    assert scores == pytest.approx(list(table["probability"]), abs=1e-5)


def test_entities_are_served_in_words_as_they_were_measured(place: Place) -> None:
    table = pd.read_parquet(Path(place.stage("evaluation names")["path"]) / "predictions.parquet")
    texts = [" ".join(words) for words in table["tokens"]]
    with served(place, place.stage("finetuning names")["run_id"]) as address:
        found = asked(address, [*texts, "J.K. lives in sub-Antarctic Paris", "cat " * 2000])
    for answer, words, tags, shares in zip(
        found, table["tokens"], table["predicted"], table["probability"], strict=False
    ):
        assert [each["word"] for each in answer] == list(words)
        assert [each["tag"] for each in answer] == list(tags)
        known = [share for share in shares if share == share]
        scores = [each["score"] for each in answer if each["score"] is not None]
        assert scores == pytest.approx(known, abs=1e-5)
    words = [each["word"] for each in found[len(texts)]]
    assert words == ["J.K.", "lives", "in", "sub-Antarctic", "Paris"]
    assert found[-1][-1] == {"word": "cat", "tag": "O", "score": None}, "not seen by the model"
    assert sum(each["score"] is not None for each in found[-1]) == 30, "two places are special"


def test_fine_tuning_the_same_body_shares_every_stage_whatever_it_is_called(place: Place) -> None:
    body = place.stage("pretraining")
    logged = place.client.get_run(body["run_id"])
    [model] = place.client.search_logged_models(
        [logged.info.experiment_id], filter_string=f"source_run_id = '{body['run_id']}'"
    )
    copied = shutil.copytree(Path(body["path"]) / "model", place.folder / "elsewhere")
    references = {
        "logged": f"models:/{model.model_id}",
        "run": f"runs:/{body['run_id']}",
        "experiment": f"runs:/{place.first['mlflow']['run_id']}/pretraining",
        "folder": str(copied),
    }
    results = {}
    for name, reference in references.items():
        results[name] = finetune(FinetuneJob.of(reference, place.whole, place.whole.downstream))
        found = states(results[name])
        own = {"leakage mood", "leakage names", "report"} if name == "logged" else set()
        assert {k for k, v in found.items() if v == "completed"} == own
        assert {stage["fingerprint"] for stage in results[name]["stages"]} == {
            stage["fingerprint"] for stage in results["logged"]["stages"]
        }
    assert results["run"]["metrics"]["downstream/mood/leaking"] == 0
    whole = place.first["metrics"]
    assert {k: v for k, v in results["run"]["metrics"].items() if k in whole} == {
        k: v for k, v in whole.items() if k.startswith("downstream/")
    }
    page = page_of(results["run"])
    assert "BertForPreTraining" in page
    assert "Pre-trained by Temper" in page
    assert "contains a test row" in page


def starting(place: Place, *settings: str) -> Experiment:
    """The tiny experiment, starting from the encoder that it pre-trained."""
    file = place.folder / "data" / "starting.yaml"
    values = yaml.safe_load(place.file.read_text())
    values["start"] = f"runs:/{place.stage('pretraining')['run_id']}"
    for part in ("model", "tokenizer"):
        del values[part]
    file.write_text(yaml.safe_dump(values))
    return load_experiment(str(file), list(settings))


def test_an_experiment_without_pretraining_is_the_fine_tuning_of_the_given_model(
    place: Place,
) -> None:
    body = f"runs:/{place.stage('pretraining')['run_id']}"
    alone = finetune(FinetuneJob.of(body, place.whole, place.whole.downstream))
    experiment = starting(place, "pretraining.steps=0", "corpus.source=nowhere.txt")
    result = run_experiment(experiment)
    assert set(states(result).values()) == {"cached"}
    assert result["stages"] == [stage | {"state": "cached"} for stage in alone["stages"]]
    run = place.client.get_run(result["mlflow"]["run_id"])
    assert run.data.params["start"] == body
    assert not [name for name in run.data.params if name.startswith(("model.", "tokenizer."))]
    assert run.info.run_name.endswith(f"from {body} · no pre-training")


def test_pretraining_continues_from_the_given_model_with_its_tokenizer(place: Place) -> None:
    before = place.first["metrics"]
    result = run_experiment(starting(place, "pretraining.steps=20", "evaluation.baseline=start"))
    found = result["metrics"]
    assert found["downstream/mood/start/accuracy"] == before["downstream/mood/accuracy"]
    assert states(result)["finetuning mood from start"] == "cached"
    gained = found["downstream/mood/accuracy"] - before["downstream/mood/accuracy"]
    assert found["downstream/mood/over_start"] == pytest.approx(gained)
    assert found["downstream/mood/over_start/low"] <= gained
    assert states(result)["corpus"] == "cached", "the same text without the same test documents"
    assert found["pretraining/start_loss"] == pytest.approx(
        before["pretraining/validation_loss"], abs=1e-5
    )
    assert found["pretraining/validation_loss"] < found["pretraining/start_loss"]
    assert found["pretraining/parameters"] == before["pretraining/parameters"]
    vocabularies = [
        (Path(stage["path"]) / "model" / "tokenizer.json").read_text()
        for each in (place.first, result)
        for stage in each["stages"]
        if stage["name"] == "pretraining"
    ]
    assert vocabularies[0] == vocabularies[1]
    page = page_of(result)
    assert "## The model" in page
    assert "Pre-trained by Temper: 12 steps" in page
    assert "continuing the pre-training here" in page.lower()
    assert "before the training" in page_of(result, "pretraining")


def test_how_long_a_given_model_takes_is_measured(place: Place) -> None:
    experiment = starting(place, "pretraining.steps=21", "downstream.mood.epochs=3")
    planner = TimedPlanner(Store(place.folder / "home" / "store"))
    recipe(experiment, planner)
    found = planner.expected(experiment)
    assert found["pretraining"].seconds is not None
    assert found["finetuning mood"].seconds is not None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["start=", "pretraining.steps=0"], "pretraining.steps: found 0; accepted: at least 1, or"),
        (["pretraining.steps=0", "downstream=[]"], "downstream: found no problem, and"),
        (["evaluation.baseline=start", "pretraining.steps=0"], "evaluation.baseline: found start"),
        (["model.layers=3"], "model: found a group of fields, but start is 'runs:"),
        (["tokenizer.vocab_size=300"], "tokenizer: found a group of fields, but start is"),
        (["pretraining.embeddings=cooccurrence"], "pretraining.embeddings: found 'cooccurrence'"),
    ],
)
def test_what_does_not_go_with_a_given_model_is_refused(
    place: Place, settings: list[str], said: str
) -> None:
    with pytest.raises(InvalidExperimentError, match=said):
        starting(place, *settings)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["start=models:/nobody@best"], "start: no registered model 'nobody'"),
        (["pretraining.sequence_length=65"], "pretraining.sequence_length: 65 is more than the 64"),
        (["downstream.mood.max_length=65"], "downstream.mood.max_length: 65 is more than the 64"),
    ],
)
def test_a_given_model_that_does_not_fit_is_refused_before_anything_runs(
    place: Place, settings: list[str], said: str
) -> None:
    with pytest.raises(StageError, match=said):
        run_experiment(starting(place, *settings), plan_only=True)


def test_evaluating_a_model_alone_gives_what_the_whole_experiment_gave(place: Place) -> None:
    tuned = place.stage("finetuning mood")
    job = EvaluateJob.of(f"runs:/{tuned['run_id']}", place.whole, place.problem("mood"))
    result = evaluate(job)
    assert states(result)["dataset mood"] == "cached"
    whole = place.first["metrics"]
    for metric in ("accuracy", "accuracy/low", "accuracy/high", "majority/accuracy"):
        name = f"downstream/mood/{metric}"
        assert result["metrics"][name] == whole[name]
    run = place.client.get_run(result["mlflow"]["run_id"])
    assert run.data.metrics["downstream/mood/accuracy"] == whole["downstream/mood/accuracy"]
    pair = [place.first["mlflow"]["run_id"], result["mlflow"]["run_id"]]
    file = place.folder / "compared.json"
    done = CliRunner().invoke(app, ["compare", *pair, "--json", str(file)])
    assert done.exit_code == 0, done.output
    [difference] = json.loads(file.read_text())["differences"]
    assert (difference["problem"], difference["value"]) == ("mood", 0.0)
    page = page_of(result)
    assert "Fine-tuned by Temper" in page
    assert "Pre-trained by Temper" in page


def test_a_model_is_evaluated_on_other_data_unless_it_does_not_know_their_labels(
    place: Place,
) -> None:
    tuned = f"runs:/{place.stage('finetuning mood')['run_id']}"
    lines = (place.folder / "data" / "moods.csv").read_text().splitlines()
    other = place.folder / "other.csv"
    other.write_text("\n".join([lines[0], *(f"indeed {line}" for line in lines[1:])]) + "\n")
    problem = place.problem("mood").model_copy(update={"source": str(other)})
    result = evaluate(EvaluateJob.of(tuned, place.whole, problem))
    assert result["metrics"]["downstream/mood/leaking"] == 0
    other.write_text(other.read_text().replace(",good", ",fine"))
    before = len(list((place.folder / "home" / "store" / "evaluation").iterdir()))
    with pytest.raises(StageError, match=r"1 of 2 labels that runs:/.* does not have: fine"):
        evaluate(EvaluateJob.of(tuned, place.whole, problem))
    assert len(list((place.folder / "home" / "store" / "evaluation").iterdir())) == before
    with pytest.raises(StageError, match="ForTokenClassification"):
        evaluate(EvaluateJob.of(tuned, place.whole, place.problem("names")))


def test_a_body_of_the_hub_is_known_by_its_content_and_its_past_is_not(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    published = write_body(place.folder / "published")
    (published / "pytorch_model.bin").write_bytes(b"pickle")
    asked: list[tuple[str, str]] = []

    cache = place.folder / "cache"
    cache.mkdir()

    def download(name: str, *, revision: str, allow_patterns: list[str], **_: object) -> str:
        asked.append((name, revision))
        chosen = {file for pattern in allow_patterns for file in published.glob(pattern)}
        for file in chosen:
            shutil.copy(file, cache)
        return str(cache)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    [mood] = [p for p in place.whole.downstream if p.name == "mood"]
    commit = "0123456789" * 4
    result = finetune(FinetuneJob.of(f"hf:owner/body@{commit}", place.whole, [mood]))
    assert asked == [("owner/body", commit)]
    assert states(result)["finetuning mood"] == "completed"
    assert "leakage mood" not in states(result)
    page = page_of(result)
    assert "Its training data are unknown" in page
    copied = sorted(file.name for file in (place.folder / "home" / "store" / "model").rglob("*.*"))
    assert "pytorch_model.bin" not in copied
    again = finetune(FinetuneJob.of(str(published), place.whole, [mood]))
    assert set(states(again).values()) == {"cached"}


def test_a_registered_body_is_found_by_version_and_alias_and_registered_once(place: Place) -> None:
    job = PretrainJob.of(place.whole, "tiny-body")
    assert [pretrain(job)["version"] for _ in range(2)] == ["1", "1"]
    version = place.client.get_model_version("tiny-body", "1")
    assert version.tags["temper.artifact"].startswith("pretraining/")
    place.client.set_registered_model_alias("tiny-body", "best", "1")
    [mood] = [p for p in place.whole.downstream if p.name == "mood"]
    for reference in ("models:/tiny-body@best", "models:/tiny-body/1", "models:/tiny-body/latest"):
        result = finetune(FinetuneJob.of(reference, place.whole, [mood]), plan_only=True)
        assert {row["stage"]: row["plan"] for row in result["plan"]}["finetuning mood"] == "cached"
    with pytest.raises(StageError, match="body: tiny-body has no alias 'bset'; did you mean best"):
        finetune(FinetuneJob.of("models:/tiny-body@bset", place.whole, [mood]))


def test_a_model_that_was_freed_is_downloaded_from_mlflow(place: Place, tmp_path: Path) -> None:
    body = place.stage("pretraining")
    folder = Path(body["path"]).parent
    [mood] = [p for p in place.whole.downstream if p.name == "mood"]
    moved = folder.rename(tmp_path / "away")
    try:
        job = FinetuneJob.of(f"runs:/{body['run_id']}", place.whole, [mood])
        result = finetune(job)
    finally:
        moved.rename(folder)
    page = page_of(result)
    assert "BertForMaskedLM" in page, "MLflow has it as it fills masks, without the pooler"
    assert "are unknown" in page


def test_the_card_of_an_exported_model_has_its_data_its_results_and_its_run(
    place: Place, tmp_path: Path
) -> None:
    tuned = place.stage("finetuning mood")
    to = tmp_path / "out"
    done = CliRunner().invoke(app, ["export", f"runs:/{tuned['run_id']}", "--to", str(to)])
    assert done.exit_code == 0, done.output
    made = Path(tuned["path"]) / "model"
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        assert (to / name).read_bytes() == (made / name).read_bytes()
    card = (to / "README.md").read_text()
    evaluated = Path(place.stage("evaluation mood")["pages"]) / "card.md"
    [row] = [line for line in evaluated.read_text().splitlines() if line.startswith("| accuracy")]
    assert row in card, "with its interval, as the evaluation's own page has it"
    assert "| fine-tuned on | moods.csv | rows: " in card
    assert "| pre-trained on | 000.txt and 59 more | documents: " in card
    assert tuned["run_id"] in card
    assert "## Not known" not in card


def test_an_adapter_is_stored_without_its_body_and_read_as_a_plain_model(
    place: Place, tmp_path: Path
) -> None:
    tuned = load_experiment(str(place.file), ["downstream.mood.tuning.method=lora"])
    result = run_experiment(tuned)
    assert [name for name, state in states(result).items() if state == "completed"] == [
        "finetuning mood",
        "evaluation mood",
        "report",
    ]
    [stage] = [each for each in result["stages"] if each["name"] == "finetuning mood"]
    output, body = Path(stage["path"]), Path(place.stage("pretraining")["path"])
    assert not [*output.glob("model/*.safetensors")]
    weights = sum(file.stat().st_size for file in (body / "model").glob("*.safetensors"))
    assert sum(file.stat().st_size for file in output.glob("*.safetensors")) < weights / 10

    logged = place.client.get_logged_model(stage["model"].removeprefix("models:/"))
    [plain] = Path(logged.artifact_location.removeprefix("file://")).rglob("model.safetensors")
    for name, words in {"merged": (), "adapter": ("--adapter",), "path": ()}.items():
        source = str(output) if name == "path" else f"runs:/{stage['run_id']}"
        done = CliRunner().invoke(app, ["export", source, "--to", str(tmp_path / name), *words])
        assert done.exit_code == 0, done.output
    for name in ("merged", "path"):
        assert (tmp_path / name / "model.safetensors").read_bytes() == plain.read_bytes()
        assert (tmp_path / name / "tokenizer.json").is_file()
    there = {file.name for file in (tmp_path / "adapter").iterdir()}
    assert there == {"README.md", "adapter_config.json", "adapter_model.safetensors"}
    card = (tmp_path / "adapter" / "README.md").read_text()
    assert f"temper export {place.stage('pretraining')['model']} --to BODY" in card
    code = card.split("```python\n")[1].split("```")[0].replace('"BODY"', f'"{body / "model"}"')
    check = "print(model(input_ids=__import__('torch').tensor([[2, 9, 3]])).logits.shape)"
    loading = [sys.executable, "-c", code + check]
    loaded = subprocess.run(loading, cwd=tmp_path / "adapter", capture_output=True, text=True)
    assert loaded.stdout.strip() == "torch.Size([1, 2])", loaded.stderr
    done = CliRunner().invoke(app, ["export", str(body), "--adapter", "--to", str(tmp_path / "no")])
    assert "has no adapter" in done.output

    assert set(states(run_experiment(tuned)).values()) == {"cached"}
    away = body.parent.rename(tmp_path / "away")
    try:  # MLflow has the plain model
        source, to = f"runs:/{stage['run_id']}", tmp_path / "from-mlflow"
        done = CliRunner().invoke(app, ["export", source, "--to", str(to)])
        assert done.exit_code == 0, done.output
        assert (to / "model.safetensors").read_bytes() == plain.read_bytes()
    finally:
        away.rename(body.parent)


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("models:/nobody@best", "no registered model 'nobody'"),
        ("models:/m-123", "MLflow has no model m-123"),
        ("models:/half", "names no version"),
        ("runs:/0123", "has no run '0123'"),
        ("hf:a/b/c", "not a name on the Hub"),
        ("{data}/text", "text does not exist; did you mean .*texts. Accepted"),
        ("{data}/moods.csv", "is a file"),
        ("{data}", r"no config.json and no weights \(\*.safetensors\) and no tokenizer"),
    ],
)
def test_what_is_no_model_is_said(place: Place, reference: str, said: str) -> None:
    named = reference.format(data=place.folder / "data")
    with pytest.raises(StageError, match=f"^body: .*{said}"):
        finetune(FinetuneJob.of(named, place.whole, place.whole.downstream))


def test_a_fine_tuning_of_nothing_is_refused(place: Place) -> None:
    with pytest.raises(InvalidExperimentError, match="downstream: found no problem"):
        finetune(FinetuneJob.of("anything", place.whole, []))
    mood = place.problem("mood")
    with pytest.raises(InvalidExperimentError, match=r"downstream.1.name: mood is the name of 2"):
        finetune(FinetuneJob.of("anything", place.whole, [mood, mood]))
