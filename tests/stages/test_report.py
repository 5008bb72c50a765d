"""The report: one page that says what was found, also when nothing was."""

import json
import re
from dataclasses import asdict

import pytest

from tasks.contract import Silent
from tasks.machinery.naming.metric_name import MetricName
from tasks.objectives import mlm_nsp
from tasks.pages import numbers
from tasks.stages.report import write_report


def interval(name, value, low, high):
    return {name: value, f"{name}/low": low, f"{name}/high": high}


def write_evaluation(
    folder, gain, headline="accuracy", words="accuracy", documents=200, majority=0.12
):
    """An artifact of stage evaluation, with a gain (value, low, high) or None."""
    metrics = {**interval(headline, 0.534, 0.51, 0.559), f"majority/{headline}": majority}
    metrics["test_documents"] = documents
    if gain:
        metrics |= interval(f"from_scratch/{headline}", 0.443, 0.42, 0.465)
        metrics |= interval("gain", *gain)
    folder.mkdir()
    (folder / "metrics.json").write_text(json.dumps(metrics))
    metric = {"words": words, "unit": "share", "better": "higher"}
    facts = {"headline": headline, "metrics": {headline: metric}, "problem": "text-classification"}
    facts |= {"rows": "80 texts", "confidence": 0.95}
    facts["majority"] = "sklearn"
    (folder / "evaluation.json").write_text(json.dumps(facts))
    classes = {"report": {}, "names": ["a", "b"], "confusion": [[3, 1], [0, 4]]}
    (folder / "classes.json").write_text(json.dumps(classes))
    worst = {"text": "a text", "truth": "a", "answer": "b", "right": False, "score": "90% sure"}
    (folder / "rows.json").write_text(json.dumps({"worst": [worst], "points": []}))
    return folder


def write_pretraining(folder):
    folder.mkdir()
    metrics = {
        "validation_loss": 4.612,
        "unigram_loss": 6.47,
        "masked_accuracy": 0.251,
        "parameters": 950_123.0,
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
    points = [[1, 9.0], [100, 4.7]]
    found = {"sequences": 64, "quick_sequences": 8, "examples": []}
    found["curves"] = {"training": points, "held out": points}
    found["reference"] = ["by frequency", "unigram_loss"]
    found["header"] = ["text"]
    found["measured"] = [
        {"name": name, **asdict(metric)} for name, metric in mlm_nsp.METRICS.items()
    ]
    (folder / "pretraining.json").write_text(json.dumps(found))
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text('{"model_type": "bert"}')
    return folder


def report(out, evaluations, pretraining=None, methods=None):
    out.mkdir()
    metrics = write_report(
        "demo",
        list(evaluations),
        0.95,
        pretraining=pretraining,
        evaluations=list(evaluations.values()),
        methods=methods,
        out=out,
        monitor=Silent(),
    )
    return metrics, (out / "show" / "report.md").read_text(), (out / "show" / "card.md").read_text()


@pytest.fixture
def evaluations(tmp_path):
    return {
        "library": write_evaluation(tmp_path / "a", (0.091, 0.07, 0.113)),
        "code": write_evaluation(tmp_path / "b", (0.004, -0.01, 0.018), "f1", "entity F1"),
        "news": write_evaluation(tmp_path / "c", (-0.05, -0.07, -0.03)),
    }


def test_each_problem_is_a_row_with_its_intervals(evaluations, tmp_path):
    metrics, page, _ = report(tmp_path / "out", evaluations)
    row = (
        "| library | accuracy | 53.4 % [51.0, 55.9] | 44.3 % [42.0, 46.5] | +9.1 [+7.0, +11.3] "
        "| 12.0 % |"
    )
    assert row in page
    assert "| code | entity F1 |" in page
    assert metrics == {"problems": 3, "gains": 1}


def test_a_sentence_says_whether_each_difference_could_be_chance(evaluations, tmp_path):
    _, page, card = report(tmp_path / "out", evaluations)
    assert "Pre-training is shown to help on 1 of 3 problems." in page
    for text in (page, card):
        assert "**library**: Pre-training helps: +9.1 points of accuracy; 95 % interval" in text
        assert "**code**: No gain shown, could be chance: +0.4 points of entity F1" in text
        assert "**news**: Pre-training hurts: -5.0 points of accuracy" in text


def test_a_gain_of_another_way_of_tuning_is_not_that_of_pre_training_alone(evaluations, tmp_path):
    _, page, card = report(tmp_path / "out", evaluations, methods=["probe"] * 3)
    for text in (page, card):
        assert "| pre-trained (probe) | from scratch (full) |" in text
        assert "re-training helps" not in text
        assert "re-training is shown" not in text
        assert (
            "The pre-trained model tuned by probe is shown to be better than random weights tuned "
            "in full on 1 of 3 problems."
        ) in text
        said = "The pre-trained model tuned by probe, against random weights tuned in full: better"
        assert f"**library**: {said}: +9.1 points of accuracy" in text


def test_where_ways_of_tuning_differ_each_row_says_its_own(evaluations, tmp_path):
    _, page, _ = report(tmp_path / "out", evaluations, methods=["full", "lora", "full"])
    assert "| pre-trained | from scratch (full) |" in page
    assert "| +0.4 [-1.0, +1.8] | lora |" in page
    assert (
        "Pre-training is shown to help on 1 of 2 problems; the pre-trained model tuned by" in page
    )
    assert "**library**: Pre-training helps: +9.1 points of accuracy" in page
    assert "against random weights tuned in full: no gain shown, could be chance: +0.4" in page


def test_the_first_sentence_names_the_simple_model(evaluations, tmp_path):
    for name, values in (("library", (-0.086, -0.1, -0.07)), ("code", (0.02, 0.01, 0.03))):
        metrics_file = evaluations[name] / "metrics.json"
        metrics = json.loads(metrics_file.read_text()) | interval("over_simple", *values)
        headline = json.loads((evaluations[name] / "evaluation.json").read_text())["headline"]
        metrics |= interval(f"simple/{headline}", 0.62, 0.6, 0.64)
        metrics_file.write_text(json.dumps(metrics))
    _, page, card = report(tmp_path / "out", evaluations)
    for text in (page, card):
        assert text.splitlines()[2].startswith(
            "The model is shown to beat the simple model on 1 of 2 problems; the simple model is "
            "better on library (by 8.6 points). Pre-training is shown to help on 1 of 3 problems."
        )
        assert "| 62.0 % [60.0, 64.0] | -8.6 [-10.0, -7.0] | 12.0 % |" in text
        assert "- **library**: The simple model" in text
        assert "| news | accuracy | 53.4 % [51.0, 55.9] |" in text


def test_the_spread_over_seeds_is_beside_the_interval(evaluations, tmp_path):
    file = evaluations["library"] / "metrics.json"
    seeds = {"seeds": 4.0, "seeds_mean/accuracy": 0.528, "seeds_spread/accuracy": 0.0093}
    seeds |= {"seeds_mean/gain": 0.085, "seeds_spread/gain": 0.012}
    file.write_text(json.dumps(json.loads(file.read_text()) | seeds))
    _, page, card = report(tmp_path / "out", evaluations)
    for text in (page, card):
        assert "| +9.1 [+7.0, +11.3] | 52.8 ± 0.9 % | 12.0 % |" in text
        assert "- **library**: Over 4 training seeds, accuracy 52.8 ± 0.9 % and gain +8.5" in text
        code = next(line for line in text.splitlines() if line.startswith("| code |"))
        assert "| – |" in code


def test_few_test_documents_show_no_gain(tmp_path):
    few = {"library": write_evaluation(tmp_path / "a", (0.091, 0.07, 0.113), documents=9)}
    metrics, page, _ = report(tmp_path / "out", few)
    assert "**library**: Too few test documents (9) to tell: +9.1 points" in page
    assert "help on 0 of 1" in page
    assert metrics["gains"] == 0


def test_a_model_that_may_have_learnt_nothing_is_pointed_out(tmp_path):
    both = {
        "bad": write_evaluation(tmp_path / "a", (0.091, 0.07, 0.113), majority=0.54),
        "open": write_evaluation(tmp_path / "b", None, majority=0.51),
        "good": write_evaluation(tmp_path / "c", None, majority=0.5),
    }
    _, page, card = report(tmp_path / "out", both)
    for text in (page, card):
        assert "- **bad**: the pre-trained model is no better than always answering sklearn" in text
        assert "- **open**: the pre-trained model is not shown to be better than always" in text
        assert "**good**" not in text


def test_all_figures_of_the_page_lie_beside_it_and_the_card_needs_none(evaluations, tmp_path):
    body = write_pretraining(tmp_path / "pretraining")
    _, page, card = report(tmp_path / "out", evaluations, body)
    figures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", page)
    assert "gains.png" in figures
    assert "pretraining-loss.png" in figures
    assert "library-confusion.png" in figures
    assert sorted(figures) == sorted(f.name for f in (tmp_path / "out" / "show").glob("*.png"))
    assert "![" not in card


def test_pre_training_is_told_by_what_it_measured(evaluations, tmp_path):
    body = write_pretraining(tmp_path / "pretraining")
    _, page, _ = report(tmp_path / "out", evaluations, body)
    assert "| loss on held-out text, nats per masked token | 4.612 |" in page
    assert "| accuracy on masked tokens | 25.1% |" in page
    assert "next-sentence" not in page, "not measured, so not told"


def test_without_a_comparison_or_problems_the_page_says_so(tmp_path):
    alone = {"library": write_evaluation(tmp_path / "a", None)}
    metrics, page, _ = report(tmp_path / "one", alone)
    assert "without a model from scratch" in page
    assert "| library | accuracy | 53.4 % [51.0, 55.9] | – | – | 12.0 % |" in page
    assert metrics["gains"] == 0
    _, page, _ = report(tmp_path / "none", {}, write_pretraining(tmp_path / "pretraining"))
    assert "only pre-trained" in page
    assert "gains.png" not in page


def test_the_same_again_gives_the_same_bytes(evaluations, tmp_path):
    for name in ("one", "two"):
        report(tmp_path / name, evaluations)
    for file in (tmp_path / "one" / "show").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / "show" / file.name).read_bytes()


def test_numbers_are_written_with_their_intervals():
    a = MetricName("a")
    assert numbers.result({"a": 0.5}, a, "share") == "50.0 %"
    assert numbers.result({}, a, "share") == "–"
    found = interval("a", 0.5, 0.25, 0.751)
    assert numbers.result(found, a, "share") == "50.0 % [25.0, 75.1]"
    assert numbers.result(found, a, "number") == "0.500 [0.250, 0.751]"
    gain = interval("gain", -0.012, -0.03, 0.005)
    assert numbers.gain(gain, "share") == "-1.2 [-3.0, +0.5]"
    assert numbers.gain(gain, "number") == "-0.012 [-0.030, +0.005]"


def test_numbers_are_shown_in_a_scatter_plot(evaluations, tmp_path):
    rows = {"worst": [], "points": [[1.0, 1.5], [2.0, 1.5], [3.0, 3.5]]}
    (evaluations["library"] / "rows.json").write_text(json.dumps(rows))
    _, page, _ = report(tmp_path / "out", evaluations)
    assert "truth and answers" in page
