"""Names of results, such as `downstream/library/from_scratch/accuracy/low`: written and read here.

A stage names a result `MODEL/METRIC/END`, without MODEL where it is of the model itself. On the
run of the experiment `downstream/PROBLEM` or the name of the stage stands before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

MAJORITY, SIMPLE, FROM_SCRATCH, START = "majority", "simple", "from_scratch", "start"
REFERENCES = (FROM_SCRATCH, START, SIMPLE, MAJORITY)  # models that another one is compared with
# Differences in the headline metric, paired.
GAIN, OVER_START, OVER_SIMPLE = "gain", "over_start", "over_simple"
DIFFERENCES = (GAIN, OVER_START, OVER_SIMPLE)
# In place of a model: the mean and the standard deviation over fine-tunings with several seeds.
SEEDS_MEAN, SEEDS_SPREAD = "seeds_mean", "seeds_spread"
SEEDS = "seeds"  # how many there are
FURTHER = "on_"  # in place of a model: on_NAME, the model itself on a further test set
LOW, HIGH = "low", "high"
DOWNSTREAM = "downstream"


@dataclass(frozen=True)
class MetricName:
    """The name of a result.

    Attributes:
        metric: such as `accuracy`, `validation_loss`, or one of DIFFERENCES.
        model: whose result it is: MAJORITY, SIMPLE (the field's simple model), FROM_SCRATCH, START
            (the given model, fine-tuned without further pre-training), SEEDS_MEAN or SEEDS_SPREAD
            (over several fine-tunings); empty for the model itself.
        problem: the downstream problem it belongs to; empty in the evaluation's own results.
        stage: the stage it belongs to, such as `pretraining`, where it belongs to no problem.
        end: LOW or HIGH for an end of its interval; empty for the result itself.
    """

    metric: str
    model: str = ""
    problem: str = ""
    stage: str = ""
    end: str = ""

    @classmethod
    @lru_cache(maxsize=4096)  # a list of runs has the same names again and again
    def parse(cls, name: str) -> MetricName:
        """The parts of a name on the run of an experiment."""
        words = name.split("/")
        problem = stage = end = ""
        if words[0] == DOWNSTREAM and len(words) > 2:
            problem, words = words[1], words[2:]
        elif len(words) > 1:
            stage, words = words[0], words[1:]
        if words[-1] in (LOW, HIGH) and len(words) > 1:
            end = words.pop()
        model = words.pop(0) if len(words) > 1 else ""
        return cls("/".join(words), model, problem, stage, end)

    def __str__(self) -> str:
        start = f"{DOWNSTREAM}/{self.problem}" if self.problem else self.stage
        return "/".join(word for word in (start, self.model, self.metric, self.end) if word)

    @property
    def low(self) -> str:
        """The name of the low end of its interval."""
        return str(replace(self, end=LOW))

    @property
    def high(self) -> str:
        """The name of the high end of its interval."""
        return str(replace(self, end=HIGH))


def headline_of(names: Iterable[str], problem: str) -> str:
    """The metric that a problem is judged by: the one that its majority baseline has."""
    found = (MetricName.parse(name) for name in names)
    return next((n.metric for n in found if (n.problem, n.model) == (problem, MAJORITY)), "")
