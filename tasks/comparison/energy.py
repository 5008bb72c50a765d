"""How much energy a run took, estimated: nothing here measures it.

    energy = seconds x watts of the processors at full use x their use

This is the method of Green Algorithms (Lannelongue, Grealey & Inouye 2021, "Green Algorithms:
Quantifying the Carbon Footprint of Computation", Advanced Science 8, 2100707,
doi:10.1002/advs.202100707) without its terms for memory and for the building. Use is the mean of
the `system/cpu_utilization_percentage` that MLflow keeps of the stage's run: of the whole machine,
so what else ran there is in it. Of a stage without such points (they are taken every five seconds)
full use is assumed. Where MLflow kept a GPU's power, its mean is added.

The default of 12 W a core is what Green Algorithms takes for a processor that it does not know.
The number of cores is that of the machine that compares: give `--watts` where the run was on
another one, or to be exact.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

WATTS_PER_CORE = 12.0
JOULES_PER_WATT_HOUR = 3600.0


@dataclass(frozen=True)
class Power:
    """What the processors draw at full use, and how that is known."""

    watts: float
    source: str

    @classmethod
    def assumed(cls, watts: float | None = None) -> Power:
        """Given watts, or the default for the cores of this machine."""
        if watts:
            return cls(watts, f"{watts:g} W at full use, as given")
        cores = os.cpu_count() or 1
        return cls(
            cores * WATTS_PER_CORE,
            f"{cores} cores x {WATTS_PER_CORE:g} W at full use, which is Green Algorithms' default "
            "for a processor that it does not know; --watts says it better",
        )


@dataclass(frozen=True)
class Spent:
    """What one stage took.

    Attributes:
        seconds: how long it computed.
        usage: mean use of the machine's processors from 0 to 1; None where it is not known.
        gpu_watts: mean power of its GPUs, where that was kept.
    """

    seconds: float
    usage: float | None = None
    gpu_watts: float = 0.0

    def watt_hours(self, power: Power) -> float:
        """The estimate."""
        usage = 1.0 if self.usage is None else self.usage
        return self.seconds * (power.watts * usage + self.gpu_watts) / JOULES_PER_WATT_HOUR
