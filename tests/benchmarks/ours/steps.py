"""Where the time of a step goes: what share each kind of operation takes."""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
from pathlib import Path

from torch.profiler import ProfilerActivity, profile

from tests.benchmarks.kinds import shares
from tests.benchmarks.ours.pretraining import Clock, Work
from tests.benchmarks.setting import Shape

WARM_UP, PROFILED = 30, 10  # steps; in the first ones memory still grows, which is slow


class EnoughError(Exception):
    """What was to be profiled is behind."""


class Profiler(Clock):
    """A monitor that profiles some steps after the first, and then ends the training."""

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
            raise EnoughError

    @property
    def seconds(self) -> float:
        """Of the steps that were profiled."""
        return self.times[WARM_UP + PROFILED - 1] - self.times[WARM_UP - 1]

    def tell(self) -> None:
        """Print the shares, for the process that asked."""
        print(json.dumps(shares(self.profile.key_averages(), self.seconds)))


def main() -> None:
    """Train for some steps; tell the shares."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with tokens and tokenizer")
    Shape.ask(parser)
    asked = parser.parse_args()
    work = Work.of(asked.data, WARM_UP + PROFILED + 1, 0, Shape.asked(asked))
    with tempfile.TemporaryDirectory() as folder:
        profiler = Profiler(Path(folder))
        with contextlib.suppress(EnoughError):
            work.train(profiler)
    profiler.tell()


if __name__ == "__main__":
    main()
