"""Where the time of a pre-training step goes: what share each kind of operation takes."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from torch.profiler import ProfilerActivity, profile

from tests.benchmarks.ours.pretraining import Clock, Work

WARM_UP, PROFILED = 10, 10  # steps
KINDS = {
    "matrix products": ("mm", "linear", "scaled_dot_product", "matmul"),
    "softmax": ("softmax",),
    "layer norm": ("layer_norm",),
    "GELU": ("gelu",),
    "copies, casts, transposes": ("copy", "clone", "contiguous", "cat", "empty", "to", "index"),
    "optimizer and norms": ("adamw", "norm", "foreach"),
    "sums and products": ("add", "sum", "mul", "div", "fill", "zero"),
}


class Profiler(Clock):
    """A monitor that profiles some steps after the first."""

    def __init__(self, checkpoints: Path | None = None) -> None:
        super().__init__(checkpoints)
        self.profile = profile(activities=[ProfilerActivity.CPU])

    def progress(self, done: int, total: int, unit: str) -> None:
        """Begin and end at the right steps."""
        super().progress(done, total, unit)
        if len(self.times) == WARM_UP:
            self.profile.start()
        if len(self.times) == WARM_UP + PROFILED:
            self.profile.stop()

    @property
    def seconds(self) -> float:
        """Of the steps that were profiled."""
        return self.times[WARM_UP + PROFILED - 1] - self.times[WARM_UP - 1]


def kind_of(operation: str) -> str:
    """The kind of an operation such as `aten::addmm`."""
    name = operation.rpartition("::")[2].lower()
    for kind, parts in KINDS.items():
        if any(part in name for part in parts):
            return kind
    return "other operations"


def shares(events: Iterable[Any], seconds: float) -> dict[str, float]:
    """Each kind's share of the time, the largest first; what is left is no operation."""
    found: dict[str, float] = {}
    for event in events:
        kind = kind_of(event.key)
        found[kind] = found.get(kind, 0.0) + event.self_cpu_time_total / 1e6 / seconds
    found["no operation: Python, batches"] = max(0.0, 1 - sum(found.values()))
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))


def main() -> None:
    """Train for some steps; tell the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with tokens and tokenizer")
    asked = parser.parse_args()
    work = Work.of(asked.data, WARM_UP + PROFILED + 1, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        profiler = Profiler(Path(folder))
        work.train(profiler)
    print(json.dumps(shares(profiler.profile.key_averages(), profiler.seconds)))


if __name__ == "__main__":
    main()
