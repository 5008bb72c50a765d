"""`python -m tests.benchmarks`: measure, print the table, write it after each part.

--quick        fewer rows, fewer steps: minutes
--only NAME    one part (can be repeated): see PARTS; joins what was measured earlier in the day
               on the same machine with the same effort
--vocabulary   a vocab.txt, as of bert-base-uncased, as the large vocabulary; else one is trained
--data         the folder with real data sets (tests/README.md), for the part `worth`
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from tests.benchmarks import data as make
from tests.benchmarks import growth, orchestration, preparation, training
from tests.benchmarks.families import every_family
from tests.benchmarks.gpu import gpu
from tests.benchmarks.machine import describe
from tests.benchmarks.pictures.measuring import pictures
from tests.benchmarks.results import Part, Results
from tests.benchmarks.training import Effort
from tests.benchmarks.vocabulary import Vocabulary
from tests.benchmarks.worth.measuring import MINUTES, worth

LARGE, SMALL = 30_522, 8_192
FEW = 800  # sentences to fine-tune on in the quick benchmark
PARTS = (
    *("pretraining", "pretraining-8192", "families", "gpu", "quality", "finetuning"),
    *("preparation", "memory", "pictures"),
    *("cached", "overhead", "growth", "profile", "worth"),
)
QUICK = ("pretraining-8192", "finetuning", "preparation")
QUICK_EFFORT = Effort(
    repetitions=1, peer_steps=9, our_steps=33, sentences="few-sentences", picture_steps=0
)
NEED_LARGE = {"pretraining", "families", "gpu", "quality", "profile"}
NEED_SMALL = {"pretraining-8192", "finetuning", "profile"}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", choices=PARTS, default=[])
    parser.add_argument("--repetitions", type=int)
    parser.add_argument("--race-steps", type=int, help="steps of the part `quality`")
    parser.add_argument("--race-repetitions", type=int, help="seeds of the part `quality`")
    parser.add_argument("--vocabulary", type=Path)
    parser.add_argument("--worth-seeds", type=int, help="seeds of the part `worth`")
    parser.add_argument("--data", type=Path, default=os.environ.get("TEMPER_TEST_DATA", ""))
    parser.add_argument("--out", type=Path, default=Path("build/bench"))
    asked = parser.parse_args()
    if asked.vocabulary and not asked.vocabulary.is_file():
        parser.error(f"--vocabulary: {asked.vocabulary} is no file")
    effort = QUICK_EFFORT if asked.quick else Effort()
    changes = {name: getattr(asked, name) for name in vars(effort) if getattr(asked, name, None)}
    effort = Effort(**vars(effort) | changes)
    out = asked.out.resolve()
    file = asked.vocabulary.resolve() if asked.vocabulary else None
    large, small = Vocabulary(out / "data", LARGE, file), Vocabulary(out / "data", SMALL)
    results = Results(out, PARTS, describe(), vars(effort))
    if asked.only:
        results.go_on()
    chosen = asked.only or (QUICK if asked.quick else PARTS)
    measure(chosen, effort, results, large, small, real=Path(asked.data).resolve())
    print(f"\n{results.text()}\nwritten: {out}/bench.md, bench.csv, bench.png, bench.json")


def measure(
    chosen: Sequence[str],
    effort: Effort,
    results: Results,
    large: Vocabulary,
    small: Vocabulary,
    *,
    real: Path,
) -> None:
    """The parts, one after the other, in a scratch folder that goes when all is measured."""
    if "gpu" in chosen and not torch.cuda.is_available():
        print("gpu is left out: there is no CUDA here", flush=True)
        chosen = [name for name in chosen if name != "gpu"]
    data, scratch = results.out / "data", results.out / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    prepare(data, chosen, large, small)
    repetitions = effort.repetitions
    parts: dict[str, Callable[[], Part]] = {
        "pretraining": lambda: Part(
            training.pretraining(large, scratch, training.LARGE_TARGETS, effort)
        ),
        "pretraining-8192": lambda: Part(
            training.pretraining(small, scratch, training.SMALL_TARGETS, effort)
        ),
        "families": lambda: Part(every_family(large, scratch, effort)),
        "gpu": lambda: Part(gpu(large, scratch, repetitions)),
        "quality": lambda: Part(
            training.quality(large, scratch, effort), [training.frequencies_alone(large)]
        ),
        "finetuning": lambda: Part(training.finetuning(small, scratch, effort)),
        "preparation": lambda: Part(*preparation.preparation(data, scratch, repetitions)),
        "memory": lambda: Part(preparation.memory(data, scratch, repetitions)),
        "pictures": lambda: Part(pictures(data, scratch, effort)),
        "cached": lambda: Part(orchestration.cached(scratch, repetitions)),
        "overhead": lambda: Part(*orchestration.overhead(scratch, 1)),
        "growth": lambda: Part(curves=growth.curves(data, scratch)),
        "profile": lambda: Part(notes=training.profile(large, small)),
        "worth": lambda: Part(*worth(results.out / "worth", real, MINUTES, effort.worth_seeds)),
    }
    for name, part in parts.items():
        if name in chosen:
            begun = time.perf_counter()
            print(name, flush=True)
            results.add(name, part())
            print(f"    {time.perf_counter() - begun:.0f} s", flush=True)
    shutil.rmtree(scratch, ignore_errors=True)


def prepare(data: Path, chosen: Sequence[str], large: Vocabulary, small: Vocabulary) -> None:
    """Make what is missing of the data; it is kept for the next time."""
    data.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(data / "partial")
    if not (data / "texts.jsonl").exists():
        print("the docstrings of the installed packages (once)", flush=True)
        make.write_texts(data / "partial.jsonl")
        (data / "partial.jsonl").rename(data / "texts.jsonl")
    pieces: dict[Path, Callable[[Path], None]] = {
        data / "sentences": lambda out: make.write_sentences(data / "texts.jsonl", out),
        data / "few-sentences": lambda out: make.write_fewer(data / "sentences", FEW, out),
        data / "corpus": lambda out: make.write_corpus(data / "texts.jsonl", out),
    }
    for vocabulary, parts in ((small, NEED_SMALL), (large, NEED_LARGE)):
        if not parts.isdisjoint(chosen):
            given = vocabulary.file or vocabulary.size
            pieces[vocabulary.folder] = lambda out, given=given: make.write_tokens(  # type: ignore[misc]
                data / "corpus", given, out
            )
    for folder, write in pieces.items():
        if not folder.exists():
            write(data / "partial")
            (data / "partial").rename(folder)


if __name__ == "__main__":
    main()
