"""Ways of tuning side by side: what each costs on a problem, and what it gives."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace

from tasks.comparison.answers import setting_name
from tasks.comparison.comparison import Tuned, Value, value_of
from tasks.comparison.energy import Power
from tasks.comparison.past_run import PastRun, label_of
from tasks.comparison.remains import Remains
from tasks.comparison.settings import settings_of
from tasks.experiment.training import FULL
from tasks.machinery.naming.metric_name import MetricName, headline_of
from tasks.machinery.naming.title import Title
from tasks.statistics.significance import Difference


def ways_of(
    runs: Sequence[PastRun], remains: Remains, differences: Sequence[Difference], power: Power
) -> dict[str, list[Tuned]]:
    """The ways of tuning of the problems on which runs differ in the method.

    Args:
        runs: in the order of their labels.
        remains: where to look for metrics and seconds.
        differences: the tested ones, which give the verdicts against the method `full`, of the
            first setting that is the same apart from the tuning.
        power: of the processors, for the estimate of the energy.
    """
    found: dict[str, list[Tuned]] = {}
    for problem in sorted({name for run in runs for name in run.problems}):
        settings = [
            here
            for positions in settings_of(runs)
            if (here := [i for i in positions if problem in runs[i].problems])
        ]
        if len({method_of(runs[positions[0]], problem) for positions in settings}) < 2:
            continue
        ways = [
            _way([runs[i] for i in positions], positions, problem, remains, power)
            for positions in settings
        ]
        own = [each for each in differences if each.problem == problem]
        apart = [_apart_from_tuning(runs[positions[0]], problem) for positions in settings]
        full = {
            rest: way.setting
            for way, rest in reversed(list(zip(ways, apart, strict=True)))
            if way.method == FULL
        }
        found[problem] = [
            _against(way, full[rest], own) if way.method != FULL and rest in full else way
            for way, rest in zip(ways, apart, strict=True)
        ]
    return found


def method_of(run: PastRun, problem: str) -> str:
    """The method of tuning of a problem of a run; older runs name none."""
    return run.params.get(f"downstream.{problem}.tuning.method", FULL)


_COUNT = ("corpus.", "tokenizer.", "model.", "pretraining.", "start", "images.", "pixels.")
_TUNED = ("tuning.", "freeze", "layer_decay", "learning_rate")


def _apart_from_tuning(run: PastRun, problem: str) -> frozenset[tuple[str, str]]:
    """The parameters that count for a problem, apart from those of its tuning and its rate."""
    own = f"downstream.{problem}."
    return frozenset(
        (name, value)
        for name, value in run.params.items()
        if name.startswith(_COUNT)
        or (name.startswith(own) and not name.removeprefix(own).startswith(_TUNED))
    )


def _way(
    some: Sequence[PastRun],
    positions: Sequence[int],
    problem: str,
    remains: Remains,
    power: Power,
) -> Tuned:
    title = str(Title("finetuning", problem))
    recorded = [remains.numbers(run, title) for run in some]
    spent = [each for run in some if (each := remains.spent(run, title))]
    first = next(filter(None, recorded), {})
    peaks = [each["peak_memory_mb"] for each in recorded if "peak_memory_mb" in each]
    metric = headline_of(some[0].metrics, problem)
    name = str(MetricName(metric, problem=problem))
    values = [found for run in some if (found := value_of(run.metrics, name)) is not None]
    value = values[0] if len(values) == 1 else None
    if len(values) > 1:
        value = Value(statistics.fmean(each.value for each in values))
    return Tuned(
        setting_name([label_of(i) for i in positions]),
        method_of(some[0], problem),
        first.get("trained_parameters"),
        first.get("trained_share"),
        statistics.fmean(each.seconds for each in spent) if spent else None,
        statistics.fmean(each.watt_hours(power) for each in spent) if spent else None,
        max(peaks, default=None),
        first.get("adapter_bytes", first.get("model_bytes")),
        value,
    )


def _against(way: Tuned, full: str, differences: Sequence[Difference]) -> Tuned:
    """The way with its difference from the setting in full, whichever of both was the first."""
    for each in differences:
        if (each.first, each.second) == (way.setting, full):
            return replace(way, against=each)
        if (each.first, each.second) == (full, way.setting):
            turned = replace(
                each,
                first=way.setting,
                second=full,
                value=-each.value,
                low=-each.high,
                high=-each.low,
            )
            return replace(way, against=turned)
    return way
