"""Stage `embeddings`: vectors of tokens by counting, for a pre-training to begin with.

Counting finds which tokens are alike in a fraction of the time that training takes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.contract import Monitor, StageError
from tasks.data.tables import write_json
from tasks.data.text.cooccurrence import cooccurrence_vectors
from tasks.data.text.token_arrays import EncodedCorpus, load_tokenizer
from tasks.data.text.token_frequencies import frequencies
from tasks.data.text.vocabulary import Vocabulary

SHOWN, NEAREST = 12, 6  # tokens on the page, and neighbours of each
LETTERS = 4  # of a token that is shown: shorter ones say little


def count_embeddings(
    *,
    width: int,
    window: int,
    tokens: Path,
    tokenizer: Path,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Count which tokens occur near each other, and write a vector for each.

    Args:
        width: numbers in a vector: the hidden size of the encoder.
        window: tokens to each side that count as near.
        tokens: folder of the stage `tokens`.
        tokenizer: folder of the tokenizer that made them.
        out: empty folder for embeddings.npy, of shape (vocabulary, width): rows of length 1, or
            zero where nothing is known of a token; and neighbours.json.
        monitor: receives the progress.

    Returns:
        vectors: how many tokens have one.

    Raises:
        StageError: no token occurs beside another.
    """
    loaded = load_tokenizer(tokenizer)
    vocabulary = Vocabulary.of(loaded)
    corpus = EncodedCorpus.open(tokens, "train")
    vectors = cooccurrence_vectors(
        corpus,
        vocabulary,
        width,
        window,
        lambda done, total: monitor.progress(done, total, "pairs"),
    )
    known = vectors.any(axis=1)
    if not known.any():
        raise StageError(
            "no two tokens of the corpus occur near each other more often than by chance "
            f"({len(corpus.tokens)} tokens in all): add text, or set pretraining.embeddings to "
            "random"
        )
    np.save(out / "embeddings.npy", vectors)
    often = frequencies(corpus, vocabulary)
    write_json(out / "neighbours.json", neighbours(vectors, often, loaded))
    return {"vectors": float(known.sum())}


def neighbours(
    vectors: NDArray[np.float32], often: NDArray[np.float64], tokenizer: Any
) -> dict[str, list[str]]:
    """The nearest tokens of some frequent ones, by cosine; whole words where there are any."""
    words = [tokenizer.decode([number]).strip() for number in range(len(vectors))]
    known = np.linalg.norm(vectors, axis=1) > 0
    frequent = [number for number in np.argsort(-often, kind="stable") if known[number]]
    long = [n for n in frequent if len(words[n]) >= LETTERS and words[n].isalpha()]
    asked = (long or frequent)[:SHOWN]
    found = {}
    for number in asked:
        alike = vectors @ vectors[number]
        alike[number], alike[~known] = -np.inf, -np.inf
        nearest = np.argsort(-alike, kind="stable")[:NEAREST]
        found[words[number]] = [words[other] for other in nearest if alike[other] > -np.inf]
    return found
