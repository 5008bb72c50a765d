"""Rows and curves of quality over minutes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import yaml

from tasks.machinery.naming.metric_name import FROM_SCRATCH, SIMPLE
from tasks.problems import load
from tests.benchmarks.growth import Curve
from tests.benchmarks.orchestration import TEMPER, environment_of
from tests.benchmarks.rows import Row
from tests.benchmarks.turns import ROOT
from tests.benchmarks.worth.authorship import write_authorship
from tests.benchmarks.worth.experiments import DATA, books, docstrings

MINUTES = (2.0, 5.0, 10.0)
STEPS = 100_000  # more than any of these minutes has time for


def worth(
    folder: Path, data: Path, minutes: Sequence[float], seeds: int
) -> tuple[list[Row], list[str], list[Curve]]:
    """Pre-train for so many minutes, fine-tune on each problem, compare with the simple model.

    Args:
        folder: for the experiments and their state, which stays for the next time.
        data: with the real data sets; what is missing is left out, and reported in a note.
        minutes: of pre-training, of each curve.
        seeds: how many, each with a pre-training of its own and rows of its own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (data / DATA[0]).is_dir() and not (folder / "authorship").exists():
        write_authorship(data / DATA[0], folder / "authorship")
    files = [file for file in (docstrings(folder), books(folder, data)) if file]
    notes = [] if len(files) > 1 else [f"`worth` on books is left out: no {DATA} in {data}."]
    rows, curves = [], []
    for file in files:
        found = {each: [measure(file, each, seed) for seed in range(seeds)] for each in minutes}
        for name, problem in problems_of(file).items():
            metric = load(problem).HEADLINE
            for each, results in found.items():
                rows.append(_row(name, metric, each, results))
            curves.append(_curve(name, metric, found))
    return rows, notes, curves


def measure(file: Path, minutes: float, seed: int) -> dict[str, float]:
    """The metrics of a run with so many minutes of pre-training."""
    print(f"    {file.stem}: {minutes:g} min, seed {seed}", flush=True)
    output = file.with_suffix(f".{minutes:g}-{seed}.json")
    budget = {"pretraining.minutes": minutes, "pretraining.steps": STEPS, "seed": seed}
    settings = [word for name, value in budget.items() for word in ("--set", f"{name}={value:g}")]
    subprocess.run(
        [*TEMPER, "run", str(file), *settings, "--output", str(output)],
        cwd=ROOT,
        env=os.environ | environment_of(file.parent / "home"),
        check=True,
        stdout=sys.stderr,
    )
    metrics: dict[str, float] = json.loads(output.read_text(encoding="utf-8"))["metrics"]
    return metrics


def problems_of(file: Path) -> dict[str, str]:
    """The problems of an experiment by their names in it."""
    experiment = yaml.safe_load(file.read_text(encoding="utf-8"))
    return {each["name"]: each["problem"] for each in experiment["downstream"]}


def _curve(name: str, metric: str, found: dict[float, list[dict[str, float]]]) -> Curve:
    """The metric over minutes, beside the simple model and the one from random weights.

    Of several seeds: the medians, also of the ends of the intervals.
    """
    below = f"downstream/{name}"

    def middle(results: Sequence[dict[str, float]], name: str) -> float:
        return median(result[name] for result in results)

    own = f"{below}/{metric}"
    every = [result for results in found.values() for result in results]
    models = {"simple model": SIMPLE, "from scratch": FROM_SCRATCH}
    return Curve(
        f"{name}, {metric}",
        "min",
        "",
        [(each, middle(results, own)) for each, results in found.items()],
        [
            (middle(results, f"{own}/low"), middle(results, f"{own}/high"))
            for results in found.values()
        ],
        {words: middle(every, f"{below}/{model}/{metric}") for words, model in models.items()},
    )


def _row(name: str, metric: str, minutes: float, results: Sequence[dict[str, float]]) -> Row:
    below = f"downstream/{name}"
    return Row(
        what=f"{metric} on `{name}` after {minutes:g} min of pre-training",
        against="the simple model; the lower end of the difference's interval (paired, 95 %)",
        unit="",
        ours=[result[f"{below}/{metric}"] for result in results],
        theirs=[result[f"{below}/{SIMPLE}/{metric}"] for result in results],
        result=[result[f"{below}/over_simple/low"] for result in results],
        target=0.0,
        at_least=True,
    )
