"""Commands in turn, each in a fresh process: a machine that slows down slows all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

from tasks.machinery.servers.environment import COMPUTING

ROOT = Path(__file__).parents[2]

Measured = dict[str, list[dict[str, float]]]


def module(name: str, *words: object) -> list[str]:
    """The command that runs a module of the benchmark."""
    return [sys.executable, "-m", f"tests.benchmarks.{name}", *map(str, words)]


def stage(name: str, *words: object) -> list[str]:
    """The command that runs a module of the benchmark in the environment that Temper makes."""
    return ["env", *(f"{key}={value}" for key, value in COMPUTING.items()), *module(name, *words)]


def run(command: Sequence[str], environment: Mapping[str, str] = {}) -> dict[str, float]:
    """Run a command; what it measured by itself, if it tells, and its `wall` seconds.

    Raises:
        RuntimeError: it failed, with the end of what it said.
    """
    begun = time.perf_counter()
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True
    )
    wall = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    last = (done.stdout.strip().splitlines() or [""])[-1]
    return (json.loads(last) if last.startswith("{") else {}) | {"wall": wall}


def in_turn(
    commands: Mapping[str, Sequence[str]],
    repetitions: int,
    environment: Mapping[str, str] = {},
) -> Measured:
    """Run commands A B C, A B C, …; what each measured, turn by turn."""
    found: Measured = {name: [] for name in commands}
    for turn in range(repetitions):
        for name, command in commands.items():
            print(f"    {name}, {turn + 1} of {repetitions}", flush=True)
            found[name].append(run(command, environment))
    return found


def values(measured: Measured, name: str, figure: str) -> list[float]:
    """A figure of a command, turn by turn."""
    return [figures[figure] for figures in measured[name]]


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Ratios turn by turn: what both suffered together cancels."""
    return [a / b for a, b in zip(above, below, strict=True)]


def spread(numbers: Sequence[float]) -> str:
    """`6.2 (5.9 to 6.4)`: median, smallest, largest."""
    if len(numbers) == 1:
        return rounded(numbers[0])
    return f"{rounded(median(numbers))} ({rounded(min(numbers))} to {rounded(max(numbers))})"


def rounded(number: float) -> str:
    """Three digits that count: `0.0123`, `5.48`, `12,900`."""
    digits = float(f"{number:.3g}")
    return f"{digits:,.0f}" if abs(digits) >= 1000 else f"{digits:.3g}"
