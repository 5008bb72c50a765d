"""Words among tokens are those of the text, whatever tokenizer made the tokens."""

import numpy as np
import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from tasks.contract import StageError
from tasks.data.text.token_arrays import load_tokenizer
from tasks.data.text.word_boundaries import WordBoundaries
from tests.support.small_corpus import documents, encode

SPECIAL = ["<s>", "</s>", "<pad>", "<unk>", "<mask>"]
TEXT = "The unseen kernel (of rows) returns 12 arrays, and a matrix's values."
WORDS = ["the", "unseen", "kernel", "(", "of", "rows", ")", "returns", "12", "arrays", ",", "and"]
WORDS += ["a", "matrix", "'", "s", "values", "."]


def fast(backend):
    names = ("bos_token", "eos_token", "pad_token", "unk_token", "mask_token")
    roles = dict(zip(names, SPECIAL, strict=True))
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, cls_token="<s>", sep_token="</s>", **roles
    )


def trained(backend, trainer):
    """A tokenizer of so few entries that most words are of several."""
    backend.train_from_iterator([text.lower() for text in [*documents(60), TEXT]], trainer)
    return fast(backend)


def byte_level(*, prefix):
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return trained(
        backend,
        trainers.BpeTrainer(vocab_size=300, special_tokens=SPECIAL, initial_alphabet=alphabet),
    )


def unigram():
    backend = Tokenizer(models.Unigram())
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=60, special_tokens=SPECIAL, unk_token="<unk>")
    return trained(backend, trainer)


def bpe_of_sentencepiece():
    backend = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    return trained(backend, trainers.BpeTrainer(vocab_size=80, special_tokens=SPECIAL))


def with_ends():
    backend = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.decoder = decoders.BPEDecoder(suffix="</w>")
    trainer = trainers.BpeTrainer(vocab_size=100, special_tokens=SPECIAL, end_of_word_suffix="</w>")
    return trained(backend, trainer)


def whole_words():
    backend = Tokenizer(models.WordLevel(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return trained(backend, trainers.WordLevelTrainer(special_tokens=SPECIAL))


MAKERS = {
    "byte-level bpe": lambda: byte_level(prefix=True),
    "byte-level bpe as published": lambda: byte_level(prefix=False),
    "unigram": unigram,
    "bpe of sentencepiece": bpe_of_sentencepiece,
    "bpe with ends of words": with_ends,
    "wordlevel": whole_words,
}


def words_of(tokenizer, text):
    """The words of a text as the boundaries among its tokens give them."""
    ids = np.array([tokenizer(text, add_special_tokens=False)["input_ids"]])
    begins = WordBoundaries.of(tokenizer).begins(ids)[0]
    cuts = np.flatnonzero(begins)[1:]
    found = [tokenizer.decode(part.tolist()) for part in np.split(ids[0], cuts)]
    return [word.replace(" ", "") for word in found if word.strip()]


@pytest.mark.parametrize("kind", MAKERS)
def test_the_words_are_those_of_the_text(kind):
    tokenizer = MAKERS[kind]()
    pieces = tokenizer(TEXT.lower(), add_special_tokens=False)["input_ids"]
    assert words_of(tokenizer, TEXT.lower()) == WORDS
    assert kind == "wordlevel" or len(pieces) > len(WORDS) + 3, "nothing is in several pieces"


@pytest.mark.parametrize("algorithm", ["wordpiece", "bpe"])
def test_those_of_tokenizers_that_are_trained_here_too(algorithm, tmp_path):
    size = {"wordpiece": 150, "bpe": 300}[algorithm]
    folder = encode(
        tmp_path / "run", [*documents(20), TEXT], [TEXT], algorithm=algorithm, vocab_size=size
    )
    tokenizer = load_tokenizer(folder / "tokenizer")
    found = words_of(tokenizer, TEXT)
    if algorithm == "wordpiece":
        found = [word.replace("##", "") for word in found]
    assert found == WORDS


def test_a_sentence_that_begins_without_a_blank_begins_a_word():
    """Sentences are encoded on their own, and a published tokenizer puts no blank before them."""
    tokenizer = byte_level(prefix=False)
    first, second = (
        tokenizer(text, add_special_tokens=False)["input_ids"]
        for text in ("it holds rows.", "the matrix")
    )
    begins = WordBoundaries.of(tokenizer).begins(np.array([[*first, *second]]))[0]
    assert begins[len(first)]


@pytest.mark.parametrize("kind", [*MAKERS])
def test_special_tokens_are_words_and_nothing_goes_on_behind_them(kind):
    tokenizer = MAKERS[kind]()
    inside = tokenizer("unseen", add_special_tokens=False)["input_ids"][-1]
    special = tokenizer.mask_token_id
    begins = WordBoundaries.of(tokenizer).begins(np.array([[inside, special, inside, special]]))
    assert begins.all()


def test_letters_of_any_script_are_of_words_and_other_signs_are_not():
    entries = ["▁naïve", "été", "”", "…", "3D", "ё", "́", "_"]
    backend = Tokenizer(models.Unigram([(entry, -1.0) for entry in [*SPECIAL, *entries]], 3))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    tokenizer = fast(backend)
    ids = np.array([tokenizer.convert_tokens_to_ids(entries)])
    assert WordBoundaries.of(tokenizer).begins(ids)[0].tolist() == [
        *(True, False, True, False),  # naïveété ”…
        *(True, False, False, True),  # 3Dё with an accent, _
    ]


def test_a_piece_of_a_script_without_blanks_is_a_word():
    entries = ["▁数学", "の", "ภาษา", "ไทย", "abc", "한국", "어"]
    backend = Tokenizer(models.Unigram([(entry, -1.0) for entry in [*SPECIAL, *entries]], 3))
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer = fast(backend)
    ids = np.array([tokenizer.convert_tokens_to_ids(entries)])
    begins = WordBoundaries.of(tokenizer).begins(ids)[0].tolist()
    assert begins == [True, True, True, True, True, False, False]


def test_a_character_of_several_bytes_is_in_one_word():
    tokenizer = byte_level(prefix=True)
    assert words_of(tokenizer, "a naïve été") == ["a", "naïve", "été"]


def test_characters_of_several_pieces_are_words_of_their_own_in_chinese():
    tokenizer = byte_level(prefix=True)  # which has no entry of a whole one
    ids = np.array([tokenizer.encode("天地玄", add_special_tokens=False)])
    begins = WordBoundaries.of(tokenizer).begins(ids)[0]
    assert begins.sum() in (3, 4)  # the blank that is put before the text may be one
    assert ids.shape[1] - begins.sum() >= 6


def test_a_tokenizer_that_does_not_tell_is_refused():
    backend = Tokenizer(models.BPE(unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(vocab_size=60, special_tokens=SPECIAL)
    with pytest.raises(StageError, match=r"masking is words, but the tokenizer \(BPE\) marks"):
        WordBoundaries.of(trained(backend, trainer))


def test_entries_that_were_added_are_counted():
    tokenizer = unigram()
    tokenizer.add_tokens([AddedToken("▁more"), AddedToken("pieces")])
    found = WordBoundaries.of(tokenizer)
    assert len(found.joins) == len(found.ends) == len(tokenizer)
