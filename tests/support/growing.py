"""A labelled data set in a folder that grows: more rows know more words, and a test that stays."""

from __future__ import annotations

import random
from pathlib import Path

import yaml

from tests.support.tiny_experiment import ANIMALS, PLACES, VERBS

SYLLABLES = ["ba", "do", "ke", "li", "mu", "na", "po", "ri", "su", "te", "vo", "zi"]
WORDS = [a + b for a in SYLLABLES for b in SYLLABLES if a != b]
TELLING = {"glad": WORDS[0::3], "sad": WORDS[1::3], "calm": WORDS[2::3]}


def write_rows(file: Path, rows: int, seed: int, *, spoiled: bool = False) -> None:
    """Sentences in which one word tells the mood; spoiled, the label is that of another mood."""
    draw, moods = random.Random(seed), list(TELLING)
    lines = ["text,label"]
    for number in range(rows):
        mood = draw.choice(moods)
        words = ["the", draw.choice(ANIMALS), draw.choice(VERBS), draw.choice(TELLING[mood])]
        text = " ".join([*words, "in", draw.choice(PLACES), str(seed * 10_000 + number)])
        label = moods[(moods.index(mood) + 1) % len(moods)] if spoiled else mood
        lines.append(f"{text},{label}")
    # Atomically: a reader finds all of the old rows or all of the new ones.
    writing = file.parent.parent / f"{file.name}.writing"
    writing.write_text("\n".join(lines) + "\n")
    writing.replace(file)


def write_growing(folder: Path, rows: int) -> Path:
    """The files of the experiment with this many training rows; the YAML file."""
    labelled, texts = folder / "moods", folder / "texts"
    labelled.mkdir(parents=True)
    texts.mkdir()
    write_rows(labelled / "test.csv", 300, 1)
    write_rows(labelled / "validation.csv", 60, 2)
    write_rows(labelled / "train.csv", rows, 3)
    draw = random.Random(4)
    for number in range(30):
        words = [draw.choice([*WORDS, *ANIMALS, *VERBS, *PLACES]) for _ in range(200)]
        (texts / f"{number:02}.txt").write_text(" ".join(words) + f" {number}.\n")
    training = {"epochs": 10, "batch_size": 16, "learning_rate": 3e-3, "max_length": 32}
    values = {
        "name": "growing",
        "corpus": {"source": "texts", "validation_share": 0.1},
        "tokenizer": {"vocab_size": 400},
        "model": {
            "layers": 1,
            "hidden_size": 32,
            "heads": 2,
            "max_positions": 64,
            "initializer_range": 0.18,  # 1 / sqrt(width): layers so narrow learn little from 0.02
        },
        "pretraining": {
            "steps": 10,
            "batch_size": 8,
            "sequence_length": 32,
            "validation_sequences": 8,
        },
        "downstream": [
            {"name": "mood", "problem": "text-classification", "source": "moods", **training}
        ],
        "evaluation": {"bootstrap_samples": 200, "from_scratch": False},
    }
    file = folder / "growing.yaml"
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    return file
