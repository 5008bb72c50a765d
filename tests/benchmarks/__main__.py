"""`python -m tests.benchmarks`: measure, print the table, write it.

--quick        fewer rows, fewer steps: under five minutes
--only NAME    one part (can be repeated): see PARTS
--vocabulary   a vocab.txt of 30,522 entries, as of bert-base-uncased; else one is trained
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import data as make
from tests.benchmarks import growth, orchestration, preparation, training
from tests.benchmarks.growth import Curve
from tests.benchmarks.machine import describe
from tests.benchmarks.rows import Row
from tests.benchmarks.table import draw, markdown, write_csv
from tests.benchmarks.training import Effort

LARGE, SMALL = 30_522, 8_192
PARTS = (
    *("pretraining", "pretraining-8192", "quality", "finetuning"),
    *("preparation", "memory", "cached", "overhead", "growth"),
)
QUICK = ("pretraining-8192", "finetuning", "preparation", "cached")
QUICK_EFFORT = Effort(repetitions=1, peer_steps=9, our_steps=33)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", choices=PARTS, default=[])
    parser.add_argument("--repetitions", type=int)
    parser.add_argument("--race-steps", type=int, help="steps of the row `quality`")
    parser.add_argument("--vocabulary", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    asked = parser.parse_args()
    effort = QUICK_EFFORT if asked.quick else Effort()
    changes = {"repetitions": asked.repetitions, "race_steps": asked.race_steps}
    effort = Effort(**effort.__dict__ | {k: v for k, v in changes.items() if v})
    out = asked.out.resolve()
    chosen = asked.only or (QUICK if asked.quick else PARTS)
    rows, curves = measure(chosen, effort, out, asked.vocabulary)
    report(rows, curves, out)


def measure(
    chosen: list[str] | tuple[str, ...], effort: Effort, out: Path, vocabulary: Path | None
) -> tuple[list[Row], list[Curve]]:
    """The parts, one after the other, in a scratch folder that goes when all is measured."""
    data, scratch = out / "data", out / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    prepare(data, chosen, vocabulary)
    parts: dict[str, Callable[[], list[Row]]] = {
        "pretraining": lambda: training.pretraining(data, scratch, LARGE, effort),
        "pretraining-8192": lambda: training.pretraining(data, scratch, SMALL, effort),
        "quality": lambda: training.quality(data, scratch, LARGE, effort),
        "finetuning": lambda: training.finetuning(data, scratch, effort),
        "preparation": lambda: preparation.preparation(data, scratch, effort.repetitions),
        "memory": lambda: preparation.memory(data, scratch, effort.repetitions),
        "cached": lambda: orchestration.cached(scratch, max(3, effort.repetitions)),
        "overhead": lambda: orchestration.overhead(scratch, 1),
    }
    rows: list[Row] = []
    for name, part in parts.items():
        if name in chosen:
            begun = time.perf_counter()
            print(name, flush=True)
            rows += part()
            print(f"    {time.perf_counter() - begun:.0f} s", flush=True)
    curves: list[Curve] = []
    if "growth" in chosen:
        curves += growth.corpora(data, scratch, (1, 10, 100))
        curves += growth.lookups(scratch, (10, 100, 1000))
        curves += growth.stores(scratch, (100, 1000, 10_000))
    shutil.rmtree(scratch, ignore_errors=True)
    return rows, curves


def prepare(data: Path, chosen: list[str] | tuple[str, ...], vocabulary: Path | None) -> None:
    """Make what is missing of the data; it is kept for the next time."""
    data.mkdir(parents=True, exist_ok=True)
    vocabularies = {SMALL: {"pretraining-8192", "finetuning"}, LARGE: {"pretraining", "quality"}}
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(data / "partial")
    if not (data / "texts.jsonl").exists():
        print("the docstrings of the installed packages (once)", flush=True)
        make.write_texts(data / "partial.jsonl")
        (data / "partial.jsonl").rename(data / "texts.jsonl")
    pieces: dict[str, Callable[[Path], None]] = {
        "sentences": lambda out: make.write_sentences(data / "texts.jsonl", out),
        "corpus": lambda out: make.write_corpus(data / "texts.jsonl", out),
    }
    for size, parts in vocabularies.items():
        if not parts.isdisjoint(chosen):
            given = vocabulary if size == LARGE and vocabulary else size
            pieces[str(size)] = lambda out, given=given: make.write_tokens(  # type: ignore[misc]
                data / "corpus", given, out
            )
    for name, write in pieces.items():
        if not (data / name).exists():
            write(data / "partial")
            (data / "partial").rename(data / name)


def report(rows: list[Row], curves: list[Curve], out: Path) -> None:
    """Print the table; write it as CSV, Markdown, JSON and a picture."""
    machine = describe()
    if rows:
        text = markdown(rows, machine)
        (out / "bench.md").write_text(text, encoding="utf-8")
        write_csv(rows, machine, out / "bench.csv")
        draw(rows, curves, out / "bench.png")
        print("\n" + text)
    for curve in curves:
        points = ", ".join(f"{x:,g} {curve.x}: {y:.3g} {curve.y}" for x, y in curve.points)
        print(f"{curve.name}: {points}")
    (out / "growth.json").write_text(json.dumps([c.__dict__ for c in curves], indent=2) + "\n")
    print(f"\nwritten: {out}/bench.md, bench.csv, bench.png, growth.json")


if __name__ == "__main__":
    main()
