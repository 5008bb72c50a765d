"""Words are counted as the tokenizer cuts them, and pieces are scored by their best divisions."""

from __future__ import annotations

import random
from collections import Counter
from math import exp

import pyarrow as pa
import pytest
import tokenizers
from tokenizers import models, normalizers

from tasks.data.text.subwords.unigram import cut, estimated, unigram_words


@pytest.mark.parametrize("normalizer", [None, normalizers.Lowercase()])
def test_words_are_counted_as_the_tokenizer_cuts_whole_texts(
    normalizer: normalizers.Normalizer | None,
) -> None:
    draw = random.Random(3)
    parts = ["a", "The", " ", "  ", "\n", "\t", "dog,", "<0x41>", "数字", "▁", "é", "𝔸"]
    texts = ["".join(draw.choices(parts, k=draw.randrange(9))) for _ in range(300)]
    frame = tokenizers.Tokenizer(models.Unigram())
    frame.normalizer, frame.pre_tokenizer = normalizer, cut()
    expected: Counter[str] = Counter()
    for text in texts:
        given = text if normalizer is None else normalizer.normalize_str(text)
        expected.update(word for word, _ in frame.pre_tokenizer.pre_tokenize_str(given))
    del expected["▁"]
    found = unigram_words([pa.array(texts[:100]), pa.array(texts[100:])], frame)
    assert {word: count for word, count in found.items() if count} == expected


def test_scores_are_shares_of_the_best_divisions() -> None:
    words = Counter({"▁ab": 6, "▁abab": 2, "▁a": 2})
    found = estimated(["▁ab", "ab", "▁a", "a", "b", "▁"], words)
    # ▁ab 6; ▁ab ab 2; ▁a 2: twelve pieces, and a half for each of six.
    total = 12 + 6 * 0.5
    shares = {piece: exp(score) * total for piece, score in found.items()}
    assert shares == pytest.approx(
        {"▁ab": 8.5, "ab": 2.5, "▁a": 2.5, "a": 0.5, "b": 0.5, "▁": 0.5}, abs=1e-4
    )


def test_the_order_of_the_words_changes_no_score() -> None:
    draw = random.Random(9)
    words = Counter({"▁" + "".join(draw.choices("abc", k=4)): n + 1 for n in range(40)})
    pieces = sorted({word[i : i + 2] for word in words for i in range(4)} | set("▁abc"))
    other = Counter(dict(draw.sample(sorted(words.items()), len(words))))
    assert estimated(pieces, words) == estimated(pieces, other)


def test_a_word_of_very_many_characters_counts_in_parts() -> None:
    frame = tokenizers.Tokenizer(models.Unigram())
    frame.pre_tokenizer = cut()
    words = unigram_words([pa.array(["a" * 2500 + " b"])], frame)
    assert sorted(map(len, words.elements())) == [2, 501, 1000, 1000]
