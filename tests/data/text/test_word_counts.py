"""Counted words are those that the tokenizer's own parts cut, and teach the same."""

import random
from collections import Counter

import pyarrow as pa
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

from tasks.contract import Silent
from tasks.data.text import word_counts as words
from tasks.data.text.folding import folding
from tasks.data.text.word_counts import byte_level_words, train_on_words, wordpiece_words
from tasks.stages.tokenizer import wordpiece

# Letters, marks of their own, blanks of all kinds, control characters, and what changes its length
# in lower case: whatever could join or part words elsewhere than expected.
CHARACTERS = [
    *"aaabAZ09.,'-_(~\"",
    *"    \t\n\r\v\f",
    *"éßİΣσς数字あ。กำ한🦊ﬁ½",
    *"\u0301\u0345\u00a0\u2009\u3000\u2028\u1680\u180e\u202f\u205f\u200b\u00ad\u0085\x00\x1c\x1f\x7f\ufffd",
    "'s",
    " the",
    "\n\n",
    "    ",
]
FOLDED = folding(lowercase=True, strip_accents=True)
LOWER = normalizers.Sequence(
    [normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]
)


@pytest.fixture(scope="module")
def texts():
    chosen = random.Random(0)
    return ["".join(chosen.choices(CHARACTERS, k=chosen.randrange(60))) for _ in range(3000)]


def cut(normalizer, pre_tokenizer, texts):
    found = Counter()
    for text in texts:
        normal = normalizer.normalize_str(text) if normalizer else text
        found.update(word for word, _ in pre_tokenizer.pre_tokenize_str(normal))
    return found


@pytest.mark.parametrize("lowercase", [True, False])
@pytest.mark.parametrize("normalizer", ["ours", "ours with accents", "BERT's"])
def test_words_of_wordpiece_are_counted(texts, lowercase, normalizer, monkeypatch):
    monkeypatch.setattr(words, "_TOGETHER", 50)
    made = {
        "ours": folding(lowercase=lowercase, strip_accents=True),
        "ours with accents": folding(lowercase=lowercase, strip_accents=False),
        "BERT's": normalizers.BertNormalizer(lowercase=lowercase),
    }
    frame = wordpiece({}, made[normalizer])
    batches = [pa.array(texts[:1000]), pa.array(texts[1000:])]
    found = wordpiece_words(batches, frame, lowercase=lowercase)
    assert found == cut(frame.normalizer, frame.pre_tokenizer, texts)


@pytest.mark.parametrize("normalizer", [LOWER, None], ids=["lower case", "as it is"])
def test_words_of_byte_level_bpe_are_counted(texts, normalizer, monkeypatch):
    monkeypatch.setattr(words, "_TOGETHER", 50)
    found = byte_level_words(
        [pa.array(texts[:1000]), pa.array(texts[1000:])], normalizer, lowercase=True
    )
    assert found == cut(normalizer, pre_tokenizers.ByteLevel(add_prefix_space=True), texts)


def test_counts_teach_what_the_texts_teach(texts, monkeypatch):
    monkeypatch.setattr(words, "_LENGTH", 7)
    monkeypatch.setattr(words, "_TEXTS", 3)
    learnt = []
    for by_counts in (True, False):
        frame = Tokenizer(models.BPE())
        frame.normalizer, frame.pre_tokenizer = LOWER, pre_tokenizers.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=600,
            min_frequency=2,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        if by_counts:
            train_on_words(
                frame, trainer, byte_level_words([pa.array(texts)], LOWER, lowercase=True), Silent()
            )
        else:
            frame.train_from_iterator(texts, trainer)
        learnt.append(frame.to_str())
    assert learnt[0] == learnt[1]


def test_counts_of_wordpiece_teach_what_the_texts_teach(texts):
    learnt = []
    for by_counts in (True, False):
        frame = wordpiece({}, FOLDED)
        found = wordpiece_words([pa.array(texts)], frame, lowercase=True)
        alphabet = sorted({character for word in found for character in word})
        inside = [f"##{character}" for character in alphabet]
        trainer = trainers.WordPieceTrainer(
            vocab_size=700,
            min_frequency=2,
            special_tokens=["[UNK]", *alphabet, *inside],
            limit_alphabet=0,
            show_progress=False,
        )
        if by_counts:
            train_on_words(frame, trainer, found, Silent())
        else:
            frame.train_from_iterator(texts, trainer)
        learnt.append(frame.get_vocab())
    assert learnt[0] == learnt[1]
    assert any(len(token.removeprefix("##")) > 1 for token in learnt[0] if token != "[UNK]")


def test_words_of_one_character_are_learnt_from_without_a_merge():
    frame = wordpiece({}, FOLDED)
    found = wordpiece_words([pa.array(["数字 你好", "数"])], frame, lowercase=True)
    assert found == Counter("数字你好数")
    trainer = trainers.WordPieceTrainer(special_tokens=["[UNK]", *found], show_progress=False)
    train_on_words(frame, trainer, found, Silent())
    assert set(frame.get_vocab()) == {"[UNK]", *found}
