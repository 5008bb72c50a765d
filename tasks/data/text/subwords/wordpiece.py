"""The alphabet of WordPiece (Schuster and Nakajima 2012), from counted words."""

from __future__ import annotations

from collections import Counter
from itertools import chain

from tasks.data.text.word_counts import WordCounts


def wordpiece_alphabet(words: WordCounts, vocab_size: int) -> list[str]:
    """The characters to build words from: at the start of a word (`a`) and inside (`##a`).

    The most frequent ones, at most 1,000 as in BERT and at most a quarter of the vocabulary.
    """
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            counts[character] += count
    inside = set(chain.from_iterable(word[1:] for word in words))
    limit = min(1000, vocab_size // 4)
    kept = sorted(sorted(sorted(counts), key=lambda character: -counts[character])[:limit])
    return kept + [f"##{character}" for character in kept if character in inside]
