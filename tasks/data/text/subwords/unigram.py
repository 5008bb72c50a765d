"""Unigram (Kudo 2018, "Subword regularization", ACL), as in SentencePiece, ALBERT and T5.

A word is divided into the pieces whose product of probabilities is the largest. `▁` is the blank
before a word. All 256 bytes are entries, for characters that are none (as in Llama's tokenizer), so
that no token is unknown and any text can be written again.

The trainer of `tokenizers` adds numbers in the order of a hash map, so that the scores of rare
pieces differ between processes. Its choice of pieces is taken, and their scores are estimated
again, in a fixed order: each word is divided as well as possible, and the pieces are counted (hard
EM). So the same words give the same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import log

import pyarrow as pa
import tokenizers
from pyarrow import compute
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

from tasks.contract import Monitor, StageError
from tasks.data.text.word_counts import WordCounts, train_on_words

BLANK = "▁"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
_ROUNDS = 4  # of estimating the scores; later ones change little
_AT_ONCE = 10_000  # words
# Characters of a word: the trainer takes a minute for one of 1e5. SentencePiece leaves out those of
# more than 4192 bytes.
_LONGEST = 1_000
_UNKNOWN = "\n"  # no word has it
_UNSEEN = 0.5  # added to the count of each piece, as the best divisions do not use all


def cut() -> pre_tokenizers.PreTokenizer:
    """Cuts a text into words, each with its blank; a line end or a tab is a word.

    Also before and behind `<`, so that the text `<0x41>` is not taken for the entry of a byte.
    """
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(replacement=BLANK, prepend_scheme="always"),
            pre_tokenizers.Split(Regex(r"[\n\r\t]"), "isolated"),
            pre_tokenizers.Split("<", "merged_with_previous"),
        ]
    )


def unigram_words(texts: Iterable[pa.StringArray], frame: tokenizers.Tokenizer) -> WordCounts:
    """The words that a tokenizer's normalizer and `cut` make of texts, and how often.

    But for a blank alone, which has nothing to divide. A word that is too long counts in parts.
    """
    between: WordCounts = Counter()
    for batch in texts:
        parts = compute.split_pattern(batch, " ").flatten()
        units, counts = compute.value_counts(parts).flatten()
        between.update(dict(zip(units.to_pylist(), counts.to_pylist(), strict=True)))
    del between[""]
    words: WordCounts = Counter()
    for unit, count in between.items():
        text = unit if frame.normalizer is None else frame.normalizer.normalize_str(unit)
        for word, _ in frame.pre_tokenizer.pre_tokenize_str(text):
            for begin in range(0, len(word), _LONGEST):
                words[word[begin : begin + _LONGEST]] += count
    del words[BLANK]
    return words


def train_unigram(
    texts: Iterable[pa.StringArray],
    normalizer: normalizers.Normalizer | None,
    vocab_size: int,
    special: Mapping[str, str],
    monitor: Monitor,
) -> tokenizers.Tokenizer:
    """Train a Unigram tokenizer on texts.

    Args:
        texts: in batches.
        normalizer: of text; None leaves it as it is.
        vocab_size: entries, those of bytes and special tokens included.
        special: the special tokens by their names in `transformers`, with an `unk_token`.
        monitor: receives the progress.

    Raises:
        StageError: the texts have too few words.
    """
    frame = _frame(models.Unigram(), normalizer)
    words = unigram_words(texts, frame)
    fixed, unknown = [*special.values(), *BYTES], special["unk_token"]
    trainer = trainers.UnigramTrainer(
        vocab_size=vocab_size, special_tokens=fixed, unk_token=unknown, show_progress=False
    )
    try:
        train_on_words(frame, trainer, words, monitor)
    except Exception as error:
        if type(error) is not Exception:  # as the library raises; not an interruption
            raise
        raise StageError(
            f"no vocabulary could be learnt from the {len(words):,} different words of the corpus "
            f"({error}); add documents"
        ) from None
    learnt = {piece for piece, _ in json.loads(frame.to_str())["model"]["vocab"]}
    scores = estimated(sorted(learnt - {*fixed}), words)
    # The score of an entry that no text is divided into: below that of all others.
    entries = [(name, min(scores.values(), default=0.0) - 1e4) for name in fixed]
    entries += sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    number = fixed.index(unknown)
    return _frame(models.Unigram(entries, unk_id=number, byte_fallback=True), normalizer)


def estimated(pieces: Sequence[str], words: WordCounts) -> dict[str, float]:
    """The logarithm of each piece's probability, from the best divisions of counted words."""
    ordered = sorted(words.items())
    scores = dict.fromkeys(pieces, -log(max(len(pieces), 1)))  # at first, the fewest pieces
    for _ in range(_ROUNDS):
        counts = Counter(dict.fromkeys(pieces, _UNSEEN))
        for piece, count in _divided(ordered, scores):
            if piece in scores:
                counts[piece] += count
        total = sum(counts.values())
        scores = {piece: round(log(counts[piece] / total), 6) for piece in pieces}
    return scores


def _divided(
    words: Sequence[tuple[str, int]], scores: Mapping[str, float]
) -> Iterator[tuple[str, int]]:
    """The pieces of each word in its best division, and how often the word comes."""
    names = [_UNKNOWN, *scores]
    frame = tokenizers.Tokenizer(models.Unigram([(_UNKNOWN, -1e4), *scores.items()], unk_id=0))
    for begin in range(0, len(words), _AT_ONCE):
        some = words[begin : begin + _AT_ONCE]
        found = frame.encode_batch_fast([word for word, _ in some])
        for each, (_, count) in zip(found, some, strict=True):
            for number in each.ids:
                yield names[number], count


def _frame(
    model: models.Unigram, normalizer: normalizers.Normalizer | None
) -> tokenizers.Tokenizer:
    """A tokenizer around a model."""
    frame = tokenizers.Tokenizer(model)
    frame.normalizer, frame.pre_tokenizer = normalizer, cut()
    frame.decoder = decoders.Sequence(
        [
            decoders.Replace(BLANK, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return frame
