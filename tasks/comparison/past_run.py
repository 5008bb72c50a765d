"""A past run of an experiment, or of a part, from the fields of its MLflow run.

The run of an experiment has its parameters, its results and the names of its artifacts, so a list
of hundreds needs one search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

from tasks.experiment.problem import kind_of
from tasks.machinery.naming.metric_name import MetricName
from tasks.machinery.naming.spelling import near
from tasks.machinery.tracking.tags import (
    GIT_CLEAN,
    GIT_COMMIT,
    STAGE,
    UsedStage,
    named,
    used_stages,
)

SHORTEST_ID = 4  # fewer characters are more likely a name than the start of an id


@dataclass(frozen=True)
class PastRun:
    """A run of an experiment.

    Attributes:
        run_id: its id in MLflow.
        name: its name for people.
        experiment: name of the experiment.
        status: FINISHED, FAILED, KILLED or RUNNING.
        started: when, in seconds since the epoch.
        seconds: how long it took, cached stages not counted; 0 while it runs.
    """

    run_id: str
    name: str
    experiment: str
    status: str
    started: float
    seconds: float = 0.0
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The kind of the run: experiment, pretrain, finetune or evaluate."""
        return self.tags.get(STAGE, "")

    def tagged(self, start: str) -> dict[str, str]:
        """The tags with a prefix, by their names without it."""
        return named(self.tags, start)

    @cached_property
    def stages(self) -> dict[str, UsedStage]:
        """The stages that it used, by title."""
        return used_stages(self.tags)

    @property
    def artifacts(self) -> dict[str, str]:
        """`stage/fingerprint` of each stage's artifact, by the stage's title."""
        return {title: stage.artifact for title, stage in self.stages.items() if stage.artifact}

    @property
    def digests(self) -> dict[str, str]:
        """The start of the digest of what each stage wrote, by the stage's title."""
        return {title: stage.digest for title, stage in self.stages.items() if stage.digest}

    @property
    def stage_runs(self) -> dict[str, str]:
        """The id of the run in MLflow that computed each stage, by the stage's title."""
        return {title: stage.run_id for title, stage in self.stages.items()}

    @property
    def problems(self) -> list[str]:
        """The downstream problems, by name."""
        found = {MetricName.parse(name).problem for name in self.metrics} - {""}
        found |= {name.split(".")[1] for name in self.params if name.startswith("downstream.")}
        return sorted(found)

    def kind_of(self, problem: str) -> str:
        """The kind of a problem, such as text-classification; empty if the run does not have it."""
        part = f"downstream.{problem}"
        if f"{part}.problem" not in self.params and self.params.get("data.name") == problem:
            part = "data"  # an evaluation on its own
        several = self.params.get(f"{part}.several_labels") == "True"
        return kind_of(self.params.get(f"{part}.problem", ""), several_labels=several)

    @property
    def commit(self) -> str:
        """The commit of its code, with a `*` if the tree had changes; empty if unknown."""
        commit = self.tags.get(GIT_COMMIT, "")[:8]
        return f"{commit}*" if commit and self.tags.get(GIT_CLEAN) != "true" else commit

    @property
    def when(self) -> str:
        """When it started, in UTC: `2026-11-24 19:31`."""
        return f"{datetime.fromtimestamp(self.started, UTC):%Y-%m-%d %H:%M}"


class UnknownRunError(Exception):
    """No run, or more than one, matches the request."""


def chosen(wanted: Sequence[str], runs: Sequence[PastRun]) -> list[PastRun]:
    """The runs requested by name, id or unique start of an id, each once.

    Raises:
        UnknownRunError: one is unknown (with the nearest name), or ambiguous.
    """
    found: list[PastRun] = []
    for word in wanted:
        run = _one(word, runs)
        if run not in found:
            found.append(run)
    return found


def _one(word: str, runs: Sequence[PastRun]) -> PastRun:
    """The run that a word identifies."""
    same = [run for run in runs if word in (run.run_id, run.name)]
    if not same and len(word) >= SHORTEST_ID:
        same = [run for run in runs if run.run_id.startswith(word.lower())]
    if len(same) == 1:
        return same[0]
    if same:
        what = "is the name of" if same[0].name == word else "is the start of the ids of"
        raise UnknownRunError(
            f"{word!r} {what} {len(same)} runs; give the id (or its start) of one:\n"
            + _listed(same)
        )
    if not runs:
        raise UnknownRunError(f"{word!r}: there is no run of an experiment yet")
    names = [run.name for run in runs]
    nearby = near(word, names) or near(word, [run.run_id[: max(8, len(word))] for run in runs])
    hint = f"; did you mean {nearby!r}" if nearby else ""
    said = f"no run is called {word!r}"
    if len(word) < SHORTEST_ID:
        said += f" (the start of an id has at least {SHORTEST_ID} characters)"
    else:
        said += ", and no id starts with it"
    raise UnknownRunError(f"{said}{hint}. The latest:\n{_listed(runs[:5])}")


def _listed(runs: Sequence[PastRun], most: int = 10) -> str:
    lines = [f"  {run.run_id[:12]}  {run.when}  {run.status:<8}  {run.name}" for run in runs[:most]]
    return "\n".join(lines + ([f"  … and {len(runs) - most} more"] if len(runs) > most else []))


def label_of(number: int) -> str:
    """A, B, … Z, AA, AB, …: the label of a run in a comparison, since names repeat."""
    label = ""
    number += 1
    while number:
        number, rest = divmod(number - 1, 26)
        label = chr(ord("A") + rest) + label
    return label
