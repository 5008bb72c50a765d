"""The words of a corpus, counted: all that the trainers of tokenizers learn from.

They cut a corpus into words and count these, and most of their time goes into the cutting: every
`the` is normalized again. Here a text is first cut where its language does not matter, at blanks
and punctuation marks, and only what is then distinct is given to the tokenizer's own normalizer
and pre-tokenizer. The counts are those that the trainer would find. Memory grows with the distinct
words of a corpus, not with its size; but where a language writes no blanks, what is between two of
them is a sentence, and most are distinct.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, groupby, islice, repeat

import pyarrow as pa
import tokenizers
from pyarrow import compute
from tokenizers import normalizers, pre_tokenizers, trainers

from tasks.contract import Monitor

Texts = Iterable[pa.StringArray]
WordCounts = Counter[str]

_TOGETHER = 100_000  # characters normalized at once
_LENGTH = 1_000  # words in a text for the trainer
_TEXTS = 64  # such texts at once
_END = "\n"  # of a word for the trainer: no word has one in it
_LINE_END = "Ċ"  # as byte-level tokenizers write it

# BERT cuts before and behind each of these.
_PIECE = re.compile(r"[!-/:-@\[-`{-~]|[^ !-/:-@\[-`{-~]+")
# What Unicode calls white space; Python's `\s` has four control characters more.
_BLANK = r"\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# The expression of GPT-2, but for how it continues inside a word.
_UNIT = re.compile(rf" ?[^{_BLANK}]+|[{_BLANK}]+(?![^{_BLANK}])|[{_BLANK}]+")


def wordpiece_words(texts: Texts, frame: tokenizers.Tokenizer, *, lowercase: bool) -> WordCounts:
    """The words that BERT's normalizer and pre-tokenizer make of texts, and how often."""
    # Three steps, each on the distinct results of the one before. Example: "The cat, the Café".
    # 1. Cut at blanks, and count: The 1, "cat," 1, the 1, Café 1.
    between_blanks: WordCounts = Counter()
    for word, count in chain.from_iterable(map(_between_blanks, texts)):
        between_blanks[word] = between_blanks.get(word, 0) + count
    del between_blanks[""]
    # 2. Cut before and behind ASCII punctuation: The 1, cat 1, "," 1, the 1, Café 1. What comes as
    #    often is joined and cut in one call: there are few counts, and millions of words.
    pieces: WordCounts = Counter()
    for count, some in _by_count(between_blanks):
        _add(pieces, _PIECE.findall(" ".join(some)), count)
    del between_blanks
    # 3. Normalize. For printable ASCII that is lower case alone: the 2, cat 1, "," 1. The rest goes
    #    through the tokenizer's own normalizer and pre-tokenizer, which make Café into cafe.
    words: WordCounts = Counter()
    for piece in [piece for piece in pieces if piece.isascii() and piece.isprintable()]:
        words[piece.lower() if lowercase else piece] += pieces.pop(piece)
    for count, some in _by_count(pieces):
        text = frame.normalizer.normalize_str(" ".join(some))
        _add(words, _cut(frame.pre_tokenizer, text), count)
    return words


def _between_blanks(texts: pa.StringArray) -> Iterable[tuple[str, int]]:
    """The distinct words of a batch, and how often they come in it."""
    for blank in "\t\n\r":
        texts = compute.replace_substring(texts, blank, " ")
    words, counts = compute.value_counts(compute.split_pattern(texts, " ").flatten()).flatten()
    return zip(words.to_pylist(), counts.to_pylist(), strict=True)


def byte_level_words(
    texts: Texts, normalizer: normalizers.Normalizer | None, *, lowercase: bool
) -> WordCounts:
    """The words that `ByteLevel(add_prefix_space=True)` makes of texts, and how often."""
    units: WordCounts = Counter()
    for text in chain.from_iterable(batch.to_pylist() for batch in texts):
        normal = text
        if normalizer is not None:
            if text.isascii():
                normal = text.lower() if lowercase else text
            else:
                normal = normalizer.normalize_str(text)
        units.update(_UNIT.findall(f" {normal}" if normal and normal[0] != " " else normal))
    cut = pre_tokenizers.ByteLevel(add_prefix_space=False)
    blanks = {unit: units.pop(unit) for unit in [unit for unit in units if unit.isspace()]}
    words: WordCounts = Counter()
    for count, some in _by_count(units):
        _add(words, _cut(cut, "\n".join(some)), count)
    del words[_LINE_END]  # those of `join`
    for blank, count in blanks.items():  # beside a line end they would be another word
        _add(words, _cut(cut, blank), count)
    return words


def train_on_words(
    frame: tokenizers.Tokenizer, trainer: trainers.Trainer, words: WordCounts, monitor: Monitor
) -> None:
    """Train the model of a tokenizer on counted words; its other parts are not used.

    The trainer takes no counts: a word is given as often as it comes, which is quick where there is
    nothing to normalize. Words of one character have nothing to merge.
    """
    normalizer, pre_tokenizer = frame.normalizer, frame.pre_tokenizer
    frame.normalizer, frame.pre_tokenizer = None, pre_tokenizers.CharDelimiterSplit(_END)
    frame.train_from_iterator(_repeated(words, monitor), trainer)
    frame.normalizer, frame.pre_tokenizer = normalizer, pre_tokenizer


def _repeated(words: WordCounts, monitor: Monitor) -> Iterator[list[str]]:
    """Batches of texts in which each word comes as often as it is counted."""
    long = {word: count for word, count in words.items() if len(word) > 1}
    copies = chain.from_iterable(map(repeat, long, long.values()))
    texts = iter(lambda: _END.join(islice(copies, _LENGTH)), "")
    done, total = 0, sum(long.values())
    while batch := list(islice(texts, _TEXTS)):
        yield batch
        done = min(done + _LENGTH * _TEXTS, total)
        monitor.progress(done, total, "words")


def _by_count(words: WordCounts) -> Iterator[tuple[int, list[str]]]:
    """The words in lists of one count: there are a hundred times fewer counts than words.

    Not all of a count at once, as most words of a large corpus come once.
    """
    for count, group in groupby(sorted(words, key=words.__getitem__), words.__getitem__):
        some, size = [], 0
        for word in group:
            some.append(word)
            size += len(word)
            if size >= _TOGETHER:
                yield count, some
                some, size = [], 0
        if some:
            yield count, some


def _cut(pre_tokenizer: pre_tokenizers.PreTokenizer, text: str) -> Iterator[str]:
    return (word for word, _ in pre_tokenizer.pre_tokenize_str(text))


def _add(words: WordCounts, found: Iterable[str], count: int) -> None:
    """Count words that come so often."""
    for word, times in Counter(found).items():
        words[word] += times * count
