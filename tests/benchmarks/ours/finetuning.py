"""Text classification by the stage `finetuning`, from random weights."""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from pathlib import Path

from tasks.experiment.problem import FineTuning
from tasks.stages.finetuning import finetune
from tests.benchmarks.clock import throughput
from tests.benchmarks.ours.pretraining import Clock
from tests.benchmarks.ours.steps import EnoughError, Profiler
from tests.benchmarks.setting import BATCH, LENGTH, Figures


def main() -> None:
    """Train for an epoch; tell samples a second, or profile some steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train.parquet")
    parser.add_argument("--body", type=Path, required=True)
    parser.add_argument("--profile", action="store_true", help="tell where a step's time goes")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        checkpoints = Path(folder) / "checkpoints"
        clock = Profiler(checkpoints) if asked.profile else Clock(checkpoints)
        (Path(folder) / "out").mkdir()
        with contextlib.suppress(EnoughError):
            finetune(
                "text-classification",
                FineTuning(epochs=1, batch_size=BATCH, max_length=LENGTH),
                0,
                data=asked.data,
                body=None,
                architecture=asked.body,
                out=Path(folder) / "out",
                monitor=clock,
            )
    if isinstance(clock, Profiler):
        clock.tell()
        return
    Figures(samples_per_second=throughput(clock.times, BATCH)).tell()


if __name__ == "__main__":
    main()
