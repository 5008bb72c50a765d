"""Rows whose answer is far behind the longest input of a model: windows alone show it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from tests.support.tiny_models import FILLER, MADE

WORDS = "token-classification"
LONGEST, STRIDE, BEFORE = 16, 4, 14  # BEFORE: filler words in front of what decides


def far_rows(problem: str, rows: int, seed: int) -> pd.DataFrame:
    """Rows of a problem behind so many filler words that a truncated input has nothing else."""
    made, generator = MADE[problem][0](rows, seed), np.random.default_rng(seed)
    filler = [[str(w) for w in generator.choice(FILLER, BEFORE)] for _ in range(rows)]
    if problem == WORDS:
        made["tags"] = [["O"] * BEFORE + list(tags) for tags in made["tags"]]
        return made.assign(
            tokens=[a + list(b) for a, b in zip(filler, made["tokens"], strict=True)]
        )
    texts = [" ".join([*a, b]) for a, b in zip(filler, made["text"], strict=True)]
    return made.assign(text=texts)


def write_far(folder: Path, problem: str) -> Path:
    folder.mkdir(parents=True)
    for seed, (split, rows) in enumerate({"train": 240, "validation": 30, "test": 90}.items()):
        far_rows(problem, rows, seed).to_parquet(folder / f"{split}.parquet")
    (folder / "labels.json").write_text(json.dumps(MADE[problem][1]))
    return folder
