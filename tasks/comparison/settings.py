"""Settings: runs that differ by the training seed alone are repetitions of one setting.

The best of several seeds is luck, so a setting is worth its mean, and the spread over its seeds
says how much a single run may differ (Bouthillier et al. 2021, "Accounting for variance in machine
learning benchmarks", MLSys).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.comparison.past_run import PastRun
from tasks.machinery.naming.title import Title

SEED = "seed"  # the parameter


@dataclass(frozen=True)
class Spread:
    """A metric over the seeds of a setting.

    Attributes:
        mean: over the seeds.
        deviation: the sample standard deviation; 0 for one seed.
        low: the smallest value.
        high: the largest value.
        seeds: how many seeds.
    """

    mean: float
    deviation: float
    low: float
    high: float
    seeds: int


def spread(values: Sequence[float]) -> Spread | None:
    """The spread of the values of several seeds; None if there is no value."""
    if not values:
        return None
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return Spread(statistics.fmean(values), deviation, min(values), max(values), len(values))


def settings_of(runs: Sequence[PastRun]) -> list[list[int]]:
    """The positions of the runs of each setting, settings in the order of their first run.

    A run with a seed that the setting already has is no further repetition, and is a setting of its
    own: it was run again, perhaps with other code.
    """
    found: list[list[int]] = []
    by_key: dict[tuple[object, ...], list[int]] = {}
    for position, run in enumerate(runs):
        setting = by_key.setdefault(_key(run), [])
        if any(runs[other].params.get(SEED) == run.params.get(SEED) for other in setting):
            found.append([position])
            continue
        if not setting:
            found.append(setting)
        setting.append(position)
    return found


def _key(run: PastRun) -> tuple[object, ...]:
    """What two runs of a setting have in common: all but the seed."""
    given = {name: value for name, value in run.params.items() if name != SEED}
    return run.experiment, run.kind, *sorted(given.items()), *sorted(data_of(run).items())


def data_of(run: PastRun) -> dict[str, str]:
    """The digest of each data set and corpus, by the title of its stage."""
    return {
        title: value
        for title, value in run.digests.items()
        if Title.parse(title).stage in ("dataset", "corpus")
    }
