"""Where the time of a pre-training step goes: what share each kind of operation takes."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from torch.profiler import ProfilerActivity, profile

from tests.benchmarks.kinds import shares
from tests.benchmarks.ours.pretraining import Clock, Work
from tests.benchmarks.setting import Shape

WARM_UP, PROFILED = 10, 10  # steps


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


def main() -> None:
    """Train for some steps; tell the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with tokens and tokenizer")
    Shape.ask(parser)
    asked = parser.parse_args()
    work = Work.of(asked.data, WARM_UP + PROFILED + 1, 0, Shape.asked(asked))
    with tempfile.TemporaryDirectory() as folder:
        profiler = Profiler(Path(folder))
        work.train(profiler)
    print(json.dumps(shares(profiler.profile.key_averages(), profiler.seconds)))


if __name__ == "__main__":
    main()
