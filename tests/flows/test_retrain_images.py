"""Retraining on pictures, by the same rule as on texts: what is new, and what is compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.command import call
from tests.support.tiny_images import write_pictures

pytestmark = pytest.mark.slow


def write(folder: Path) -> Path:
    """An experiment on pictures of shapes, whose test split stays; the YAML file."""
    write_pictures(folder / "many", 48, 1)
    few = {"train": 45, "validation": 15, "test": 60}
    for seed, (split, count) in enumerate(few.items()):
        write_pictures(folder / "few" / split, count, 10 + seed)
    problem = {"name": "kinds", "problem": "image-classification", "source": "few"}
    training = {"epochs": 4, "batch_size": 15, "precision": "fp32", "learning_rate": 0.01}
    values = {
        "name": "growing-images",
        "images": {"source": "many", "validation_share": 0.2},
        "pixels": {"size": 16},
        "pretraining": {"steps": 2, "batch_size": 16, "precision": "fp32"},
        "downstream": [problem | training],
        "evaluation": {
            "bootstrap_samples": 200,
            "from_scratch": False,
            "simple_baseline": False,
        },
    }
    file = folder / "growing.yaml"
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    return file


def retrain(folder: Path, server: str, *words: str) -> dict[str, Any]:
    """Retrain; what was decided, and what was `printed`."""
    output = folder / "out.json"
    asked = ["--problem", "kinds", "--model", "shapes", "--output", str(output)]
    environment = {"TEMPER_HOME": str(folder / "home"), "PREFECT_API_URL": server}
    done = call("retrain", str(folder / "growing.yaml"), *asked, *words, environment=environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return json.loads(output.read_text()) | {"printed": done.stdout}


def test_pictures_are_retrained_and_judged_by_the_rule(tmp_path: Path, prefect_server: str) -> None:
    write(tmp_path)
    first = retrain(tmp_path, prefect_server)
    assert first["outcome"] == "first"
    assert "nothing new" in retrain(tmp_path, prefect_server)["message"]

    write_pictures(tmp_path / "few" / "train", 120, 77)
    better = retrain(tmp_path, prefect_server, "--set", "downstream.kinds.epochs=8")
    assert better["outcome"] in ("promoted", "kept")
    assert "by brightness" in better["printed"]

    environment = {"TEMPER_HOME": str(tmp_path / "home"), "PREFECT_API_URL": prefect_server}
    size = ("retrain", str(tmp_path / "growing.yaml"), "--set", "pixels.size=24")
    words = (*size, "--problem", "kinds", "--model", "shapes")
    other = call(*words, environment=environment)
    assert other.returncode == 1
    assert "the champion of shapes reads 16" in " ".join((other.stdout + other.stderr).split())
