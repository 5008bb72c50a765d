"""Evaluation: the numbers are sklearn's and seqeval's, and the files say the same."""

import json
import shutil
import statistics

import numpy as np
import pandas as pd
import pytest
from seqeval.metrics import f1_score as entity_f1
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef, roc_auc_score

from tasks.contract import Silent, StageError
from tasks.experiment.problem import FineTuning
from tasks.pages import evaluation_card
from tasks.problems import load
from tasks.stages.baseline import train_baseline
from tasks.stages.evaluation import evaluate
from tasks.stages.finetuning import finetune
from tasks.statistics.further_metrics import load_further
from tests.support.shown import shown
from tests.support.tiny_models import write_body, write_data

PROBLEMS = ("text-classification", "token-classification")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """For both problems: data, a model that has learnt, and one that has hardly begun."""
    folder = tmp_path_factory.mktemp("world")
    body = write_body(folder / "body")
    for problem in PROBLEMS:
        write_data(folder / problem, problem)
        simple = folder / problem / "simple"
        simple.mkdir()
        train_baseline(problem, 0, 0, data=folder / problem, out=simple, monitor=Silent())
        for name, epochs in (("good", 10), ("poor", 1)):
            out = folder / problem / name
            out.mkdir()
            training = FineTuning(epochs=epochs, batch_size=16, learning_rate=5e-3, max_length=32)
            finetune(
                problem,
                training,
                0,
                data=folder / problem,
                body=None,
                architecture=body,
                out=out,
                monitor=Silent(),
            )
    return folder


def run(world, out, problem, model="good", scratch="poor", monitor=None, **more):
    out.mkdir(parents=True)
    data = world / problem
    return evaluate(
        problem,
        500,
        0.95,
        0,
        data=data,
        model=data / model / "model",
        from_scratch=data / scratch / "model" if scratch else None,
        simple=data / "simple" if (data / "simple").exists() else None,
        out=out,
        monitor=monitor or Silent(),
        **more,
    )


@pytest.fixture(scope="module", params=PROBLEMS)
def measured(request, world, tmp_path_factory):
    out = tmp_path_factory.mktemp("measured") / request.param
    return request.param, out, run(world, out, request.param)


def score(problem, table, column):
    """The metrics of a column of the predictions, by the libraries that define them."""
    gold, predicted = (
        [list(v) if problem[1] == "o" else v for v in table[c]] for c in ("gold", column)
    )
    if problem == "token-classification":
        return {"f1": entity_f1(gold, predicted)}
    return {
        "accuracy": accuracy_score(gold, predicted),
        "macro_f1": f1_score(gold, predicted, average="macro", zero_division=0),
        "mcc": matthews_corrcoef(gold, predicted),
    }


def test_metrics_are_those_of_the_predictions_by_sklearn_and_seqeval(measured):
    problem, out, metrics = measured
    table = pd.read_parquet(out / "predictions.parquet")
    models = {"": "", "from_scratch/": "from_scratch_", "simple/": "simple_"}
    for prefix, column in ((prefix, f"{name}predicted") for prefix, name in models.items()):
        for name, value in score(problem, table, column).items():
            assert metrics[prefix + name] == pytest.approx(value, abs=1e-15)


def test_the_probabilities_of_all_labels_are_those_of_the_model_alone(measured):
    problem, out, metrics = measured
    table = pd.read_parquet(out / "predictions.parquet")
    found = [name for name in table.columns if name.endswith("probabilities")]
    if problem == "token-classification":
        assert found == []
        return
    assert found == ["probabilities"]
    assert "simple_probability" in table
    labels = json.loads((out / "classes.json").read_text())["report"]["class"]
    shares = np.stack(table["probabilities"]).astype(float)
    answers = [labels[i] for i in shares.argmax(axis=1)]
    assert answers == list(table["predicted"])
    areas = [roc_auc_score(table["gold"] == label, shares[:, i]) for i, label in enumerate(labels)]
    assert metrics["roc_auc"] == pytest.approx(np.mean(areas), abs=1e-12)
    bins = json.loads((out / "rows.json").read_text())["reliability"]
    error = sum(each["rows"] * abs(each["sure"] - each["right"]) for each in bins) / len(table)
    assert metrics["calibration_error"] == pytest.approx(error, abs=1e-12)


def test_a_simple_model_without_probabilities_has_a_dash_for_them(world, tmp_path):
    problem = "text-classification"
    shutil.copytree(world / problem, tmp_path / problem)
    answers = tmp_path / problem / "simple" / "answers.parquet"
    pd.read_parquet(answers)[["document", "predicted"]].to_parquet(answers)
    metrics = run(tmp_path, tmp_path / "out", problem, scratch=None)
    assert "simple/mcc" in metrics
    assert not {"simple/roc_auc", "simple/calibration_error"} & metrics.keys()
    page = (shown(evaluation_card.show, tmp_path / "out") / "card.md").read_text()
    [line] = [line for line in page.splitlines() if line.startswith("| ROC-AUC")]
    assert line.split("|")[3].strip() == "–"


def test_every_metric_has_an_interval_around_it(measured):
    problem, _, metrics = measured
    models = ("", "from_scratch/", "simple/")
    further = load_further(problem)
    every = [*load(problem).METRICS, *(further.METRICS if further else ())]
    names = [p + name for p in models for name in every]
    names += ["gain", "over_simple"]
    for name in names:
        assert metrics[f"{name}/low"] <= metrics[name] <= metrics[f"{name}/high"]
    assert set(metrics) == {
        *(name + end for name in names for end in ("", "/low", "/high")),
        f"majority/{load(problem).HEADLINE}",
        "test_documents",
    }


def test_a_model_that_learnt_gains_over_one_that_did_not(measured):
    problem, _, metrics = measured
    headline = load(problem).HEADLINE
    assert metrics["gain"] == metrics[headline] - metrics[f"from_scratch/{headline}"]
    assert metrics["gain/low"] > 0


def test_the_majority_baseline_knows_only_the_labels(measured):
    problem, _, metrics = measured
    if problem == "token-classification":
        assert metrics["majority/f1"] == 0
    else:
        assert 0.2 < metrics["majority/accuracy"] < 0.5


def test_pages_and_figures_say_what_was_measured(measured):
    problem, out, metrics = measured
    headline = load(problem).HEADLINE
    page = (shown(evaluation_card.show, out) / "card.md").read_text()
    assert f"{100 * metrics[headline]:.1f} %" in page
    assert f"Pre-trained against from scratch: better: {100 * metrics['gain']:+.1f} points" in page
    assert "| animal |" in page
    assert ("an overlap is half" in page) == (problem == "token-classification")
    assert json.loads((out / "metrics.json").read_text()) == metrics
    facts = json.loads((out / "evaluation.json").read_text())
    assert facts["headline"] == headline
    assert "The pre-trained model is" not in page
    assert "The model from scratch is no" in page
    assert facts["majority"] == ("O" if problem == "token-classification" else "stone")
    assert metrics["test_documents"] == 40
    assert facts["rows"].startswith("80 ")
    pages = out.with_name(f"{out.name}-show")
    reliability = {"reliability.png"} if problem == "text-classification" else set()
    assert {file.name for file in pages.iterdir()} == reliability | {
        *("card.md", "predictions.parquet", "confusion.png", "gain.png")
    }
    predictions = (out / "predictions.parquet").read_bytes()
    assert (pages / "predictions.parquet").read_bytes() == predictions


def test_the_same_again_gives_the_same_bytes(measured, world, tmp_path):
    problem, out, metrics = measured
    assert run(world, tmp_path / "again", problem) == metrics
    files = [f.relative_to(out) for f in sorted(out.rglob("*")) if f.is_file()]
    assert len(files) == 5
    for file in files:
        assert (tmp_path / "again" / file).read_bytes() == (out / file).read_bytes(), file


def with_test_documents(world, folder, count):
    """The text classification with a test split of fewer documents."""
    source = world / "text-classification"
    folder.mkdir()
    for name in ("train.parquet", "labels.json", "good", "poor"):
        (folder / name).symlink_to(source / name)
    test = pd.read_parquet(source / "test.parquet")
    kept = test["document"].unique()[:count]
    test[test["document"].isin(kept)].to_parquet(folder / "test.parquet")


def test_few_test_documents_have_intervals_but_no_verdict(world, tmp_path):
    with_test_documents(world, tmp_path / "text-classification", 9)
    metrics = run(tmp_path, tmp_path / "out", "text-classification")
    assert metrics["test_documents"] == 9
    assert metrics["gain/low"] > 0
    page = (shown(evaluation_card.show, tmp_path / "out") / "card.md").read_text()
    assert "from scratch: too few test documents (9) to tell: +" in page
    assert "helps" not in page


def test_one_test_document_is_refused(world, tmp_path):
    with_test_documents(world, tmp_path / "text-classification", 1)
    with pytest.raises(StageError, match=r"2 rows of 1 document.*Raise test_share"):
        run(tmp_path, tmp_path / "out", "text-classification")


def test_a_large_table_of_predictions_is_not_shown(world, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation_card, "SHOWN_BYTES", 100)
    run(world, tmp_path / "out", "text-classification", scratch=None)
    assert (tmp_path / "out" / "predictions.parquet").exists()
    pages = shown(evaluation_card.show, tmp_path / "out")
    assert not (pages / "predictions.parquet").exists()


def test_a_model_does_not_gain_over_itself(world, tmp_path):
    metrics = run(world, tmp_path / "out", "text-classification", "good", "good")
    assert (metrics["gain"], metrics["gain/low"], metrics["gain/high"]) == (0, 0, 0)
    assert (
        "no gain shown" in (shown(evaluation_card.show, tmp_path / "out") / "card.md").read_text()
    )


def test_a_model_is_compared_with_the_simple_one_row_by_row(measured):
    problem, out, metrics = measured
    headline = load(problem).HEADLINE
    assert metrics["over_simple"] == metrics[headline] - metrics[f"simple/{headline}"]
    table = pd.read_parquet(out / "predictions.parquet")
    gold, ours, simple = (
        list(map(list, table[c])) for c in ("gold", "predicted", "simple_predicted")
    )
    if gold == ours == simple:
        assert metrics["over_simple/low"] == metrics["over_simple/high"] == 0
    page = (shown(evaluation_card.show, out) / "card.md").read_text()
    assert "simple model (" in page
    assert json.loads((out / "evaluation.json").read_text())["simple"] in page


def test_the_same_errors_of_both_leave_no_difference_in_any_resample(world, tmp_path):
    problem = "text-classification"
    run(world, tmp_path / "first", problem, "poor")
    shutil.copytree(world / problem, tmp_path / problem)
    table = pd.read_parquet(tmp_path / "first" / "predictions.parquet")
    table[["document", "predicted"]].to_parquet(tmp_path / problem / "simple" / "answers.parquet")
    metrics = run(tmp_path, tmp_path / "out", problem, "poor")
    assert metrics["accuracy"] < 1
    assert [metrics[f"over_simple{end}"] for end in ("", "/low", "/high")] == [0, 0, 0]


def test_answers_to_other_rows_are_refused(world, tmp_path):
    problem = "text-classification"
    shutil.copytree(world / problem, tmp_path / problem)
    answers = tmp_path / problem / "simple" / "answers.parquet"
    pd.read_parquet(answers).iloc[1:].to_parquet(answers)
    with pytest.raises(ValueError, match="other rows than those of the test split"):
        run(tmp_path, tmp_path / "out", problem)


def test_a_model_that_learnt_nothing_is_pointed_out_on_its_page(world, tmp_path):
    metrics = run(world, tmp_path / "out", "text-classification", "poor", "good")
    assert metrics["accuracy/low"] <= metrics["majority/accuracy"]
    page = (shown(evaluation_card.show, tmp_path / "out") / "card.md").read_text()
    assert "than always answering stone: it may have learnt nothing.**" in page


def test_without_a_model_from_scratch_nothing_is_compared(world, tmp_path):
    metrics = run(world, tmp_path / "out", "text-classification", scratch=None)
    assert not [name for name in metrics if name.startswith(("gain", "from_scratch"))]
    page = (shown(evaluation_card.show, tmp_path / "out") / "card.md").read_text()
    assert "from scratch" not in page
    assert "from_scratch_predicted" not in pd.read_parquet(tmp_path / "out" / "predictions.parquet")


def test_words_beyond_the_longest_input_are_counted(world, tmp_path):
    problem, monitor = "token-classification", Silent()
    test = pd.read_parquet(world / problem / "test.parquet")
    long = tmp_path / problem
    long.mkdir()
    for name in ("train.parquet", "labels.json"):
        (long / name).write_bytes((world / problem / name).read_bytes())
    (long / "good").symlink_to(world / problem / "good")
    test["tokens"] = [["the"] * 30 + list(words) for words in test["tokens"]]
    test["tags"] = [["O"] * 30 + list(tags) for tags in test["tags"]]
    test.to_parquet(long / "test.parquet")
    metrics = run(tmp_path, tmp_path / "out", problem, scratch=None, monitor=monitor)
    assert monitor.facts["test_words_not_seen"] == sum(map(len, test["tokens"])) - 30 * len(test)
    assert metrics["recall"] == 0
    table = pd.read_parquet(tmp_path / "out" / "predictions.parquet")
    assert [len(tags) for tags in table["predicted"]] == [len(words) for words in test["tokens"]]
    assert np.isnan(table["probability"][0][-1])


def test_a_model_for_other_labels_is_refused(world, tmp_path):
    problem = "text-classification"
    other = tmp_path / problem
    other.mkdir()
    for split in ("train", "test"):
        (other / f"{split}.parquet").write_bytes(
            (world / problem / f"{split}.parquet").read_bytes()
        )
    (other / "labels.json").write_text('["animal", "plant", "rock"]')
    (other / "good").symlink_to(world / problem / "good")
    with pytest.raises(StageError, match="model/ does not have: rock"):
        run(tmp_path, tmp_path / "out", problem, scratch=None)


def test_the_order_of_the_labels_changes_nothing(world, tmp_path):
    problem = "text-classification"
    shutil.copytree(world / problem, tmp_path / problem)
    metrics = []
    for labels in (["animal", "plant", "stone"], ["stone", "animal", "plant"]):
        (tmp_path / problem / "labels.json").write_text(json.dumps(labels))
        metrics.append(run(tmp_path, tmp_path / labels[0], problem, scratch=None))
    assert metrics[0] == metrics[1]


def test_further_seeds_add_their_mean_and_spread_and_change_nothing_else(world, tmp_path):
    problem = "text-classification"
    good, poor = (world / problem / name / "model" for name in ("good", "poor"))
    alone = run(world, tmp_path / "alone", problem)
    further = {"further": [poor, good], "further_from_scratch": [poor, good]}
    metrics = run(world, tmp_path / "out", problem, **further)
    assert {name: metrics[name] for name in alone} == alone
    other = run(world, tmp_path / "other", problem, "poor", scratch=None)
    assert metrics["seeds"] == 3
    names = [*load(problem).METRICS, "gain"]
    assert metrics.keys() - alone.keys() == {
        "seeds",
        *(f"{model}/{name}" for name in names for model in ("seeds_mean", "seeds_spread")),
    }
    for name in load(problem).METRICS:
        values = [alone[name], other[name], alone[name]]
        assert metrics[f"seeds_mean/{name}"] == pytest.approx(statistics.fmean(values))
        assert metrics[f"seeds_spread/{name}"] == pytest.approx(statistics.stdev(values))
    gains = [alone["gain"], 0, 0]  # the further models are compared with themselves
    assert metrics["seeds_mean/gain"] == pytest.approx(statistics.fmean(gains))
    assert metrics["seeds_spread/gain"] == pytest.approx(statistics.stdev(gains))
    page = (shown(evaluation_card.show, tmp_path / "out") / "card.md").read_text()
    assert "| metric | pre-trained | mean of 3 seeds | from scratch | simple model |" in page
    mean, spread = (100 * metrics[f"seeds_{each}/accuracy"] for each in ("mean", "spread"))
    assert f"| {mean:.1f} ± {spread:.1f} % |" in page
    assert "**Over 3 training seeds, accuracy " in page
    assert "the intervals are of the first seed, over test documents" in page


def test_without_a_model_from_scratch_seeds_have_no_gain(world, tmp_path):
    problem = "text-classification"
    poor = world / problem / "poor" / "model"
    metrics = run(world, tmp_path / "out", problem, scratch=None, further=[poor])
    assert "seeds_mean/accuracy" in metrics
    assert "seeds_mean/gain" not in metrics
