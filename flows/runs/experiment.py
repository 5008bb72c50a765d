"""An experiment as work for a flow run: its name in lists, and its stages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from flows.recipes.experiment import recipe
from flows.recipes.stages import StageName
from flows.runs import work
from tasks.experiment.experiment import Experiment
from tasks.experiment.variants import asked
from tasks.machinery.execution.session import Work
from tasks.machinery.execution.summary import RunSummary
from tasks.machinery.host.digest_memo import Verification
from tasks.machinery.naming.paths import has_scheme


def title_of(experiment: Experiment) -> str:
    """`seed=1 · demo · bert 2×128 · 2,500 steps`; with a time limit, `… steps or 30 min`.

    With a model to start from, `demo · from hf:bert-base-uncased · 200 steps`.
    """
    model, pretraining = experiment.model, experiment.pretraining
    size = f"{model.family} {model.layers}×{model.hidden_size}"
    encoder = f"from {short(experiment.start)}" if experiment.start else size
    time = f" or {pretraining.minutes:g} min" if pretraining.minutes else ""
    length = f"{pretraining.steps:,} steps{time}" if pretraining.steps else "no pre-training"
    return varied(f"{experiment.name} · {encoder} · {length}", experiment.variant)


def short(start: str) -> str:
    """A reference to a model for a title: of a folder, its name."""
    return start if has_scheme(start) else Path(start).name


def varied(title: str, variant: str) -> str:
    """The title of a run, which begins with its variant: lists cut what is long at the end."""
    return f"{variant} · {title}" if variant else title


def run_stages(
    experiment: Experiment, refresh: Sequence[StageName], verify: Verification
) -> RunSummary:
    """Run the stages of an experiment in the flow run that this is called in."""
    return work.run_stages(work_of(experiment), partial(recipe, experiment), refresh, verify)


def work_of(experiment: Experiment) -> Work:
    """The whole chain."""
    title, values = title_of(experiment), asked(experiment.settled)
    return Work("experiment", experiment.name, title, values, is_named=bool(experiment.variant))
