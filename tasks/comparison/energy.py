"""An estimate of a run's energy; nothing here measures it.

    energy = seconds x watts of the processors at full load x their utilization

This is the method of Green Algorithms (Lannelongue, Grealey & Inouye 2021, "Green Algorithms:
Quantifying the Carbon Footprint of Computation", Advanced Science 8, 2100707,
doi:10.1002/advs.202100707) without its terms for memory and for the building. Utilization is the
mean of `system/cpu_utilization_percentage` in the stage's MLflow run. It is that of the whole
machine, so it includes other programs. For a stage without such points (they are taken every five
seconds) full load is assumed. If MLflow logged a GPU's power, its mean is added.

The default of 12 W per core is that of Green Algorithms for an unknown processor. The number of
cores is that of the machine that compares: give `--watts` if the run was on another one, or for a
better estimate.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

WATTS_PER_CORE = 12.0
JOULES_PER_WATT_HOUR = 3600.0


@dataclass(frozen=True)
class Power:
    """The power of the processors at full load, and where the number comes from."""

    watts: float
    source: str

    @classmethod
    def assumed(cls, watts: float | None = None) -> Power:
        """Given watts, or the default for the cores of this machine."""
        if watts:
            return cls(watts, f"{watts:g} W at full load, as given")
        cores = os.cpu_count() or 1
        return cls(
            cores * WATTS_PER_CORE,
            f"{cores} cores x {WATTS_PER_CORE:g} W at full load, which is Green Algorithms' "
            "default for an unknown processor; set it with --watts",
        )


@dataclass(frozen=True)
class Spent:
    """The cost of one stage.

    Attributes:
        seconds: how long it computed.
        usage: mean utilization of the machine's processors from 0 to 1; None if unknown.
        gpu_watts: mean power of its GPUs, if it was logged.
    """

    seconds: float
    usage: float | None = None
    gpu_watts: float = 0.0

    def watt_hours(self, power: Power) -> float:
        """The estimate."""
        usage = 1.0 if self.usage is None else self.usage
        return self.seconds * (power.watts * usage + self.gpu_watts) / JOULES_PER_WATT_HOUR
