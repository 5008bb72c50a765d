"""The view "results" of an experiment's runs in MLflow: the few columns that matter.

MLflow's default table of runs shows no results. Its saved views are tags of the experiment. This
view is updated when a run finishes: the results of every problem, and the parameters in which the
runs differ. Once a person saves a change to it, it is no longer updated.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from tasks.machinery.naming.metric_name import (
    DIFFERENCES,
    MAJORITY,
    SEEDS_MEAN,
    SEEDS_SPREAD,
    MetricName,
)
from tasks.machinery.tracking.tags import IS_WHOLE, STAGE

NAME = "results"
TAG = f"mlflow.sharedViewState.{NAME}"
_RUNS = 100  # the columns are chosen from this many newest runs
_PARAMETERS = 8
_BEFORE = {"1": 73, "attributes.`Run Name`": 280, "runDateAndNestInfo": 150, "duration": 80}
_LETTER, _MARGIN = 8, 32  # pixels
_UNINTERESTING = ("pretraining.log_every",)  # changes no result


def renew_view(client: MlflowClient, experiment_id: str) -> None:
    """Save the view of an experiment's runs, unless a person has changed it.

    Raises:
        Exception: MLflow is unreachable, or rejects it.
    """
    kept = json.loads(client.get_experiment(experiment_id).tags.get(TAG, "{}"))
    if kept.get("updatedAt"):  # a person saved it in MLflow's UI
        return
    runs = client.search_runs(
        [experiment_id], f"{IS_WHOLE} and attributes.status = 'FINISHED'", max_results=_RUNS
    )
    state = json.dumps(state_of(columns_of(runs)))
    if state != kept.get("state"):
        view = {"name": NAME, "createdAt": 0, "updatedAt": 0, "state": state}
        try:
            client.set_experiment_tag(experiment_id, TAG, json.dumps(view))
        except MlflowException:  # two runs ended at once, and SQLite took the other's tag first
            client.set_experiment_tag(experiment_id, TAG, json.dumps(view))


def columns_of(runs: Sequence[Run]) -> list[str]:
    """The columns to show, by MLflow's names: results first, then parameters that differ."""
    metrics = dict.fromkeys(name for run in runs for name in sorted(run.data.metrics))
    chosen: list[str] = []
    for name in metrics:
        found = MetricName.parse(name)
        if (
            found.problem and found.model == MAJORITY
        ):  # only the headline metric has a majority baseline
            differences = [MetricName(each, problem=found.problem) for each in DIFFERENCES]
            models = [replace(found, model=each) for each in ("", SEEDS_MEAN, SEEDS_SPREAD)]
            chosen += map(str, [*models, *differences])
    chosen.append("pretraining/validation_loss")
    results = [name for name in dict.fromkeys(chosen) if name in metrics]
    parameters = dict.fromkeys(name for run in runs for name in sorted(run.data.params))
    kinds = {run.data.tags.get(STAGE) for run in runs}  # each kind has its own parameters
    groups = [[r for r in runs if r.data.tags.get(STAGE) == kind] for kind in kinds]
    varied = [
        name
        for name in parameters
        if name not in _UNINTERESTING
        and any(len({run.data.params.get(name) for run in group}) > 1 for group in groups)
    ]
    shown = [f"metrics.`{name}`" for name in results]
    return shown + [f"params.`{name}`" for name in varied[:_PARAMETERS]]


def state_of(columns: Sequence[str]) -> dict[str, object]:
    """The view as MLflow's UI stores it: each column as wide as its title."""
    titles = {column: column.partition("`")[2].rstrip("`") for column in columns}
    widths = {column: _MARGIN + _LETTER * len(title) for column, title in titles.items()}
    return {
        "searchFilter": "",
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(columns),
        "columnOrder": [*_BEFORE, *columns],
        "columnWidths": _BEFORE | widths,
    }
