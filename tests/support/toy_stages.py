"""Stages so small that a test sees only what the machinery does."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from tasks.contract import Monitor, Stage, StageError

DOUBLE = Stage("double", "tests.support.toy_stages:double")
ADD = Stage("add", "tests.support.toy_stages:add")
FAIL = Stage("fail", "tests.support.toy_stages:fail")
DIE = Stage("die", "tests.support.toy_stages:die")
PARITY = Stage("parity", "tests.support.toy_stages:parity")
SHOWN = Stage("shown", "tests.support.toy_stages:parity", show="tests.support.toy_pages:show")
WAIT = Stage("wait", "tests.support.toy_stages:wait")


def double(number: int, *, out: Path, monitor: Monitor) -> dict[str, float]:
    """Write twice a number, with a training curve and a page."""
    for step in range(1, 4):
        monitor.progress(step, 3, "steps")
        monitor.log(step, {"loss": 1.0 / step})
    monitor.note(precision="fp32")
    (out / "number.txt").write_text(str(2 * number))
    (out / "show").mkdir()
    (out / "show" / "card.md").write_text(f"# {2 * number}\n")
    return {"value": 2.0 * number}


def parity(number: int, *, out: Path, monitor: Monitor) -> dict[str, float]:
    """Write whether a number is odd: the same bytes for many numbers."""
    if number > 9:
        monitor.warn(f"{number} has more than one digit")
    (out / "number.txt").write_text(str(number % 2))
    return {"value": float(number)}


def add(left: Path, right: Path, *, out: Path, monitor: Monitor) -> dict[str, float]:
    """Write the sum of two files."""
    total = int(left.read_text()) + int(right.read_text())
    if "TOY_BROKEN" in os.environ:
        raise StageError("the toy is broken")
    (out / "number.txt").write_text(str(total))
    return {"sum": float(total)}


def fail(number: int, *, out: Path, monitor: Monitor) -> dict[str, float]:
    """Fail for a reason that a person can fix."""
    (out / "half.txt").write_text("half")
    raise StageError(f"number: found {number}; accepted: nothing")


def die(number: int, *, out: Path, monitor: Monitor) -> dict[str, float]:
    """Be killed in the middle, the first time; complete the second time."""
    marker = Path(os.environ["TOY_MARKER"])
    (out / "number.txt").write_text(str(number))
    monitor.log(1, {"loss": 1.0})
    monitor.log(2, {"loss": 0.5})
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"value": float(number)}


def wait(number: int, *, out: Path, monitor: Monitor) -> dict[str, float]:
    """Compute until a file is there."""
    (out / "number.txt").write_text(str(number))
    Path(os.environ["TOY_BEGUN"]).touch()
    while not Path(os.environ["TOY_GO_ON"]).exists():
        time.sleep(0.05)
    return {"value": float(number)}
