"""Calibration: a model whose logits are multiplied gets its own probabilities back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from tasks.contract import Silent
from tasks.models.bodies import read_model
from tasks.pages.generalization import calibration_card
from tasks.problems import load
from tasks.stages.generalization.calibration import (
    Sure,
    calibrate,
    measured,
    of_threshold,
    predicted,
)
from tasks.statistics.bootstrap import Bootstrap
from tests.stages.generalization.conftest import PROBLEM, evaluation_of
from tests.support.shown import shown
from tests.support.tiny_models import LABELS


def run(
    world: SimpleNamespace, out: Path, *, wanted: float = 0.85, **other: Path
) -> tuple[dict[str, float], dict[str, Any]]:
    out.mkdir()
    metrics = calibrate(
        PROBLEM,
        wanted,
        200,
        0.95,
        0,
        data=other.get("data", world.data),
        model=other.get("model", world.model),
        evaluation=other.get("evaluation", world.evaluation),
        out=out,
        monitor=Silent(),
    )
    return metrics, json.loads((out / "finding.json").read_text())


@pytest.fixture(scope="module")
def found(
    world: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, float], dict[str, Any], Path]:
    out = tmp_path_factory.mktemp("calibration") / "out"
    return *run(world, out), out


def sharpened(folder: Path, model: Path, factor: float) -> Path:
    """The same model with logits that are multiplied."""
    shutil.copytree(model, folder)
    loaded, _ = read_model(load(PROBLEM).AUTO_MODEL, folder)
    with torch.no_grad():
        for parameter in loaded.classifier.parameters():
            parameter.mul_(factor)
    loaded.save_pretrained(folder)
    return folder


def test_logits_sixteen_times_as_large_need_sixteen_times_the_temperature(
    found: Any, world: SimpleNamespace, tmp_path: Path
) -> None:
    plain = found[0]
    model = sharpened(tmp_path / "model", world.model, 16.0)
    sharp, _ = run(
        world,
        tmp_path / "out",
        model=model,
        evaluation=evaluation_of(tmp_path / "eval", world.data, model),
    )
    assert sharp["temperature"] == pytest.approx(16 * plain["temperature"], rel=1e-3)
    for name in ("calibrated/calibration_error", "calibrated/log_loss", "answered/coverage"):
        assert sharp[name] == pytest.approx(plain[name], abs=1e-4)
    assert sharp["calibrated/reduction/low"] > 0, "so sure a model is shown to be improved"


def test_every_metric_has_an_interval_around_it(found: Any) -> None:
    metrics = found[0]
    alone = {"temperature", "answered/threshold"}
    names = [name for name in metrics if not name.endswith(("/low", "/high"))]
    assert {*names} >= {"calibrated/calibration_error", "risk_coverage_area", "answered/accuracy"}
    for name in {*names} - alone:
        assert metrics[f"{name}/low"] <= metrics[name] <= metrics[f"{name}/high"]


def test_the_metrics_of_the_evaluation_are_not_among_them(
    found: Any, world: SimpleNamespace
) -> None:
    measured = json.loads((world.evaluation / "metrics.json").read_text())
    assert not found[0].keys() & measured.keys()
    assert found[1]["metrics"]["raw"] == pytest.approx(measured["calibration_error"], abs=1e-6)


def test_the_answers_that_are_given_are_those_of_the_threshold(
    found: Any, world: SimpleNamespace
) -> None:
    metrics, facts, _ = found
    table = pd.read_parquet(world.evaluation / "predictions.parquet")
    right = (table["gold"] == table["predicted"]).mean()
    assert facts["curve"][-1][1] == pytest.approx(right)
    assert 0 < metrics["answered/coverage"] < 1
    assert metrics["answered/accuracy"] > right
    assert f"{metrics['answered/threshold']:.1%} sure" in facts["sentences"][1]


def test_an_accuracy_out_of_reach_and_a_temperature_at_its_bound_are_said(
    world: SimpleNamespace, tmp_path: Path
) -> None:
    data = shutil.copytree(world.data, tmp_path / "data")
    rows = pd.read_parquet(data / "validation.parquet")
    after = dict(zip(LABELS, [*LABELS[1:], LABELS[0]], strict=True))
    rows.assign(label=rows["label"].map(after)).to_parquet(data / "validation.parquet")
    metrics, facts = run(world, tmp_path / "out", data=data)
    assert "answered/coverage" not in metrics
    assert "no threshold reaches an accuracy of 85%" in facts["sentences"][1]
    page = shown(calibration_card.show, tmp_path / "out")
    assert (page / "coverage.png").is_file()
    assert "The temperature is a bound" in (page / "card.md").read_text()


def test_logits_that_fp32_cannot_show_as_probabilities_are_fitted_as_they_are(
    world: SimpleNamespace, tmp_path: Path
) -> None:
    kind = load(PROBLEM)
    plain = predicted(kind, world.data, world.model).logs
    large = predicted(kind, world.data, sharpened(tmp_path / "model", world.model, 200.0)).logs
    assert large.min() < -100, "the logarithm of the least number of fp32 is -103"
    steps = large - large.max(axis=1, keepdims=True)
    assert steps == pytest.approx(200 * (plain - plain.max(axis=1, keepdims=True)), rel=1e-3)


def test_a_bound_of_a_model_that_is_far_too_sure_is_not_told_as_of_perfect_answers(
    found: Any, tmp_path: Path
) -> None:
    facts = found[1] | {"is_bound": True, "temperature": 20.0, "validation_accuracy": 0.7}
    text = "\n".join(calibration_card.blocks(facts))
    assert "70.0% of their answers are right: the probabilities are far too sure" in text
    facts |= {"temperature": 0.05, "validation_accuracy": 1.0}
    assert "100.0% of their answers are right: the surer" in "\n".join(
        calibration_card.blocks(facts)
    )


def of_threshold_alone(sure: list[float], documents: int) -> tuple[dict[str, float], str]:
    """The metrics and the sentence of a threshold of 0.9, all answers being right."""
    answers = Sure(np.array(sure), np.ones(len(sure), dtype=bool), np.zeros(len(sure)))
    names = [f"d{number % documents}" for number in range(len(sure))]
    metrics = measured(answers, answers, 0.9, names, Bootstrap(200, 0.95, 0))
    given = {name for name, each in zip(names, sure, strict=True) if each >= 0.9}
    return metrics, of_threshold(metrics, 0.9, len(given))


def test_a_threshold_that_no_test_answer_reaches_says_nothing_of_accuracy() -> None:
    metrics, said = of_threshold_alone([0.5] * 40, 40)
    assert metrics["answered/coverage"] == 0
    assert "answered/accuracy" not in metrics
    assert said.startswith("no test answer is at least 90.0% sure")


def test_the_accuracy_of_a_few_given_answers_has_no_verdict_and_no_resample_of_none() -> None:
    metrics, said = of_threshold_alone([0.95] + [0.5] * 39, 40)
    assert metrics["answered/accuracy/low"] == metrics["answered/accuracy"] == 1
    assert said.endswith("too few test documents with such answers (1) to tell")


def test_the_page_has_both_errors_and_both_figures(found: Any) -> None:
    page = shown(calibration_card.show, found[2])
    text = (page / "card.md").read_text()
    assert "expected calibration error" in text
    assert "of the resamples that have such an answer" in text
    assert {"calibration.png", "coverage.png"} <= {file.name for file in page.iterdir()}
