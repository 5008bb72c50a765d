"""Cached stages through Prefect and MLflow: seconds for a number of lookups."""

from __future__ import annotations

import argparse
import time

from prefect import flow

from tasks.machinery.execution.display import Quiet
from tasks.machinery.execution.session import Work, opened
from tasks.machinery.host.home import make_home
from tests.benchmarks.setting import Figures
from tests.support.toy_stages import PARITY


@flow(name="lookups")
def look_up(stages: int) -> float:
    """Ask for so many stages; seconds."""
    work = Work("lookups", "lookups", "lookups", {}, resumes=False)
    with opened(work, Quiet()) as run:
        begun = time.perf_counter()
        for number in range(stages):
            run(PARITY, str(number), number=number)
    return time.perf_counter() - begun


def main() -> None:
    """Compute the stages, then look them up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stages", type=int, required=True)
    asked = parser.parse_args()
    make_home()
    look_up(asked.stages)
    Figures(seconds=look_up(asked.stages)).tell()


if __name__ == "__main__":
    main()
