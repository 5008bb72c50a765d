"""Stage `embeddings`: vectors of tokens by counting, for a pre-training to begin with.

Counting takes seconds where training takes minutes to learn which tokens are alike.
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
    seed: int,
    tokens: Path,
    tokenizer: Path,
    out: Path,
    monitor: Monitor,
) -> dict[str, float]:
    """Count which tokens occur near each other, and write a vector for each.

    Args:
        width: numbers in a vector: the hidden size of the encoder.
        seed: of the randomized decomposition.
        tokens: folder of the stage `tokens`.
        tokenizer: folder of the tokenizer that made them.
        out: empty folder for embeddings.npy, of shape (vocabulary, width): rows of length 1, or
            zero where a token never occurs; and neighbours.json.
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
        seed=seed,
        report=lambda done, total: monitor.progress(done, total, "distances"),
    )
    known = vectors.any(axis=1)
    if not known.any():
        raise StageError(
            f"no token of the corpus occurs beside another ({len(corpus.tokens)} tokens in all): "
            "add text, or set pretraining.embeddings to random"
        )
    np.save(out / "embeddings.npy", vectors)
    often = frequencies(corpus, vocabulary)
    write_json(out / "neighbours.json", neighbours(vectors, often, loaded))
    return {"vectors": float(known.sum())}


def neighbours(
    vectors: NDArray[np.float32], often: NDArray[np.float64], tokenizer: Any
) -> dict[str, list[str]]:
    """The nearest tokens of some frequent ones, by cosine."""
    words = tokenizer.convert_ids_to_tokens(range(len(vectors)))
    known = np.linalg.norm(vectors, axis=1) > 0
    asked = [
        number
        for number in np.argsort(-often, kind="stable")
        if known[number] and len(words[number]) >= LETTERS and words[number].isalpha()
    ][:SHOWN]
    found = {}
    for number in asked:
        alike = vectors @ vectors[number]
        alike[number] = -np.inf
        found[words[number]] = [
            words[other] for other in np.argsort(-alike, kind="stable")[:NEAREST]
        ]
    return found
