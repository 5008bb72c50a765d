"""An experiment so tiny that the whole chain runs in seconds, its data made by a grammar."""

from __future__ import annotations

import json
import random
from pathlib import Path

import yaml

ANIMALS = ["cat", "dog", "horse", "heron", "otter", "badger"]
PLACES = ["Paris", "Oslo", "Lima", "Cairo", "Quito", "Turin"]
GOOD = ["lovely", "bright", "gentle", "merry"]
BAD = ["dreadful", "gloomy", "bitter", "rotten"]
VERBS = ["saw", "followed", "forgot", "painted", "remembered"]


def sentence(draw: random.Random, mood: list[str]) -> list[str]:
    """The words of a sentence."""
    words = ["the", draw.choice(mood), draw.choice(ANIMALS), draw.choice(VERBS), "a"]
    return [*words, draw.choice(mood), draw.choice(ANIMALS), "in", draw.choice(PLACES), "today"]


def write_texts(folder: Path, documents: int = 60) -> Path:
    """Documents of a few sentences, a file each."""
    draw = random.Random(1)
    texts = folder / "texts"
    texts.mkdir(parents=True)
    for number in range(documents):
        lines = [" ".join(sentence(draw, GOOD + BAD)).capitalize() + "." for _ in range(12)]
        (texts / f"{number:03}.txt").write_text(
            " ".join(lines) + f" Document {number} ends here.\n"
        )
    return texts


def write_labels(folder: Path, rows: int = 160) -> Path:
    """A table of sentences, each labelled by its mood."""
    draw = random.Random(2)
    file = folder / "moods.csv"
    lines = ["text,label"]
    for number in range(rows):
        label, mood = draw.choice([("good", GOOD), ("bad", BAD)])
        lines.append(f"{' '.join(sentence(draw, mood))} {number},{label}")
    file.write_text("\n".join(lines) + "\n")
    return file


def write_tags(folder: Path, rows: int = 120) -> Path:
    """Sentences as lists of words, with BIO tags of animals and places."""
    draw = random.Random(3)
    file = folder / "names.jsonl"
    with file.open("w") as out:
        for number in range(rows):
            words = [*sentence(draw, GOOD), str(number)]
            tags = [
                "B-ANIMAL" if word in ANIMALS else "B-PLACE" if word in PLACES else "O"
                for word in words
            ]
            out.write(json.dumps({"tokens": words, "tags": tags}) + "\n")
    return file


STAGES = 15  # of this experiment


def write_experiment(folder: Path) -> Path:
    """The files of a tiny experiment; the YAML file."""
    folder.mkdir(parents=True, exist_ok=True)
    write_texts(folder)
    write_labels(folder)
    write_tags(folder)
    training = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-3, "max_length": 32}
    values = {
        "name": "tiny",
        "corpus": {"source": "texts", "validation_share": 0.1},
        "tokenizer": {"vocab_size": 200},
        "model": {
            "layers": 1,
            "hidden_size": 16,
            "heads": 2,
            "max_positions": 64,
            "initializer_range": 0.25,  # 1 / sqrt(width): layers so narrow learn little from 0.02
        },
        "pretraining": {
            "steps": 12,
            "batch_size": 8,
            "sequence_length": 32,
            "validation_sequences": 16,
            "log_every": 2,
        },
        "downstream": [
            {"name": "mood", "problem": "text-classification", "source": "moods.csv", **training},
            {
                "name": "names",
                "problem": "token-classification",
                "source": "names.jsonl",
                **training,
            },
        ],
        "evaluation": {"bootstrap_samples": 200},
    }
    file = folder / "tiny.yaml"
    file.write_text(yaml.safe_dump(values, sort_keys=False))
    return file
