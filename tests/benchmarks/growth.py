"""How time and memory grow: with the corpus, with the stages, with the store."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.data import write_grown
from tests.benchmarks.orchestration import TEMPER, environment_of
from tests.benchmarks.preparation import VOCABULARY
from tests.benchmarks.turns import rounded, run, stage
from tests.support.tiny_experiment import write_experiment


@dataclass(frozen=True)
class Curve:
    """Points of something that grows.

    Attributes:
        name, x, y: in words, with units.
        points: x and y.
        ends: of the interval of each y; none if there are no intervals.
        levels: what the y are compared with, by name.
    """

    name: str
    x: str
    y: str
    points: Sequence[tuple[float, float]]
    ends: Sequence[tuple[float, float]] = ()
    levels: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        points = ", ".join(
            f"{x:,g} {self.x}: {rounded(y)} {self.y}".strip() for x, y in self.points
        )
        levels = "".join(f"; {name}: {rounded(y)}" for name, y in self.levels.items())
        return f"{self.name}: {points}{levels}"


def curves(data: Path, scratch: Path) -> list[Curve]:
    """All of them."""
    return [
        *corpora(data, scratch, (1, 10, 100)),
        *lookups(scratch, (10, 100, 1000)),
        *stores(scratch, (100, 1000, 10_000)),
    ]


def corpora(data: Path, scratch: Path, sizes: Sequence[float]) -> list[Curve]:
    """Seconds and megabytes of memory to prepare corpora of these sizes in megabytes."""
    seconds, peaks = [], []
    for size in sizes:
        print(f"    a corpus of {size:g} MB", flush=True)
        texts = scratch / f"{size:g}.jsonl"
        if not texts.exists():
            write_grown(data / "texts.jsonl", texts, size)
        found = run(stage("ours.preparation", "--texts", texts, "--vocabulary", VOCABULARY))
        seconds.append((size, found["seconds"]))
        peaks.append((size, found["megabytes_peak"]))
    return [
        Curve("preparing a corpus", "MB", "s", seconds),
        Curve("its peak memory", "MB", "MB", peaks),
    ]


def lookups(scratch: Path, counts: Sequence[int]) -> list[Curve]:
    """Seconds for these numbers of cached stages."""
    points = []
    for count in counts:
        print(f"    {count:,} cached stages", flush=True)
        environment = environment_of(scratch / f"lookups-{count}")
        points.append(
            (count, run(stage("ours.lookups", "--stages", count), environment)["seconds"])
        )
    return [Curve("cached stages", "stages", "s", points)]


def stores(scratch: Path, counts: Sequence[int]) -> list[Curve]:
    """Seconds of `temper plan` and `temper gc` with these numbers of artifacts in the store."""
    file = write_experiment(scratch / "store-tiny")
    environment = environment_of(scratch / "store-home")
    run([*TEMPER, "run", str(file)], environment)
    stage = scratch / "store-home" / "store" / "evaluation"
    original = next(stage.glob("*/manifest.json")).parent
    commands: dict[str, list[str]] = {"plan": ["plan", str(file)], "gc": ["gc"]}
    points: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for count in counts:
        print(f"    a store of {count:,} artifacts", flush=True)
        fill(original, count)
        for name, words in commands.items():
            points[name].append((count, run([*TEMPER, *words], environment)["wall"]))
    return [Curve(f"temper {name}", "artifacts", "s", points[name]) for name in commands]


def fill(original: Path, count: int) -> None:
    """Copy an artifact until its stage has this many."""
    there = len(list(original.parent.glob("*/manifest.json")))
    for _ in range(there, count):
        shutil.copytree(original, original.parent / uuid.uuid4().hex)
