"""Rows about preparing a corpus: how fast, and in how much memory when it grows."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from tests.benchmarks.data import distinct_words, write_grown
from tests.benchmarks.rows import Row, faster
from tests.benchmarks.setting import SECONDS_OF
from tests.benchmarks.turns import Measured, in_turn, module, ratios, stage, values

VOCABULARY = 8_192
GROWN = 10


def preparation(data: Path, scratch: Path, repetitions: int) -> tuple[list[Row], list[str]]:
    """Megabytes a second, from a file of texts to tokens; and where the time goes."""
    texts = data / "texts.jsonl"
    found = []
    for turn in range(repetitions):  # the peer's cache of the turn before would spare it the work
        words = ["--texts", texts, "--vocabulary", VOCABULARY]
        commands = {
            "Temper": stage("ours.preparation", *words),
            "datasets": module("peers.preparation", *words, "--cache", scratch / f"map-{turn}"),
        }
        found.append(in_turn(commands, 1))
    measured = {name: [turn[name][0] for turn in found] for name in ("Temper", "datasets")}
    row = faster(
        measured,
        "Temper",
        "datasets",
        "megabytes_per_second",
        what="corpus to tokens, tokenizer training included",
        against="datasets.map, group_texts",
        unit="MB/s",
        target=2.5,
    )
    return [row], [f"Preparing a corpus, {name}: {laps(measured, name)}" for name in measured]


def laps(measured: Measured, name: str) -> str:
    """The median seconds of each part: `corpus 1.9 s, tokens 2.4 s`."""
    parts = [part for part in measured[name][0] if part.startswith(SECONDS_OF)]
    return ", ".join(
        f"{part.removeprefix(SECONDS_OF)} {median(values(measured, name, part)):.1f} s"
        for part in parts
    )


def memory(data: Path, scratch: Path, repetitions: int, megabytes: float = 10) -> list[Row]:
    """The peak memory of ten times the corpus against that of the corpus."""
    commands, words = {}, []
    for size in (megabytes, GROWN * megabytes):
        texts = scratch / f"{size:g}.jsonl"
        if not texts.exists():
            write_grown(data / "texts.jsonl", texts, size)
        words.append(f"{distinct_words(texts):,} distinct words")
        given = ["--texts", texts, "--vocabulary", VOCABULARY]
        commands[f"{size:g} MB"] = stage("ours.preparation", *given)
    measured = in_turn(commands, repetitions)
    small, large = (values(measured, name, "megabytes_peak") for name in commands)
    return [
        Row(
            what=f"peak memory of preparing {GROWN * megabytes:g} MB, {words[1]}",
            against=f"itself at {megabytes:g} MB, {words[0]}",
            unit="MB",
            ours=large,
            theirs=small,
            result=ratios(large, small),
            target=1.3,
            at_least=False,
        )
    ]
