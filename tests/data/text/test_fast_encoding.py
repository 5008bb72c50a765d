"""Encoding by words gives the tokens that the tokenizer itself gives."""

import numpy as np
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tasks.contract import Silent
from tasks.data.text import fast_encoding as encoding
from tasks.data.text.fast_encoding import Encoder
from tasks.data.text.folding import folding
from tasks.data.text.sentences import split_sentences
from tasks.data.text.token_arrays import load_tokenizer
from tasks.sources.published_tokenizers import resolve_published
from tasks.stages.tokenizer import load_published, wordpiece
from tests.support.small_corpus import documents, encode

FOLDED = folding(lowercase=True, strip_accents=True)
ODD = [
    "It's naïve, isn't it? They've said: 'no'.",
    "a b",
    "x",
    "数字 和 words\u00a0with\u2009other blanks \u200b and \u200bzero widths",
    "é e\u0301 Ω \U0001f98a\U0001f98a \u0301",
    "x=1;y=[2,3] -- http://a.b/c?d=e#f_g 3.14e-10",
    "the matrix holds the matrix",
    "a=\u0338b and a≠b, <\u0338 फल फूल ệ Ệ İ 한국",
    "(a) ,, .a. [naïve],e\u0301.\u0301- a\0b \0 zero «quoted» “quoted”、数,字",
]


def directly(tokenizer, sentences):
    return [tokenizer(s, add_special_tokens=False)["input_ids"] for s in sentences]


def by_words(tokenizer, sentences):
    tokens, sizes = Encoder(tokenizer).encode(sentences)
    return [part.tolist() for part in np.split(tokens, np.cumsum(sizes)[:-1])]


@pytest.fixture(scope="module", params=["wordpiece", "bpe"])
def tokenizer(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param) / "run"
    texts = [*documents(40), *ODD]
    encode(folder, texts, texts, algorithm=request.param, vocab_size=400)
    return load_tokenizer(folder / "tokenizer")


def test_odd_text_has_the_tokens_of_the_tokenizer(tokenizer):
    sentences = [" ".join(sentence.split()) for sentence in ODD]
    assert Encoder(tokenizer).known is not None
    assert by_words(tokenizer, sentences) == directly(tokenizer, sentences)


def test_padding_and_truncation_of_a_published_tokenizer_do_not_count(tokenizer):
    sentences = [" ".join(sentence.split()) for sentence in ODD]
    expected = by_words(tokenizer, sentences)
    tokenizer.backend_tokenizer.enable_padding(length=64)
    tokenizer.backend_tokenizer.enable_truncation(2)
    assert by_words(tokenizer, sentences) == expected


def test_byte_level_without_a_blank_before_the_first_word(tokenizer):
    if "Ġthe" not in tokenizer.get_vocab():
        return  # WordPiece marks no blanks
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    sentences = [" ".join(sentence.split()) for sentence in ODD]
    assert by_words(tokenizer, sentences) == directly(tokenizer, sentences)


def test_real_text_has_the_tokens_of_berts_tokenizer(shared_data):
    published = resolve_published(str(shared_data / "bert-vocab" / "vocab.txt"))
    bert = load_published(published, Silent(), lowercase=True)
    book = shared_data / "classic-books" / "books" / "charles-dickens-hard-times.md"
    sentences = split_sentences(book.read_text())[:3000]
    assert by_words(bert, sentences) == directly(bert, sentences)


def test_names_of_special_tokens_in_a_text_are_text(tokenizer):
    names = f"the {tokenizer.mask_token} and {tokenizer.sep_token}"
    tokens, _ = Encoder(tokenizer).encode([names])
    assert not set(tokens.tolist()) & {tokenizer.mask_token_id, tokenizer.sep_token_id}


def test_words_are_forgotten_before_they_fill_the_memory(tokenizer, monkeypatch):
    monkeypatch.setattr(encoding, "MOST_WORDS", 5)
    encoder = Encoder(tokenizer)
    for text in documents(30):
        sentences = split_sentences(text)
        tokens, sizes = encoder.encode(sentences)
        found = [part.tolist() for part in np.split(tokens, np.cumsum(sizes)[:-1])]
        assert found == directly(tokenizer, sentences)
        assert len(encoder.known.numbers) < 40


def test_no_sentences_have_no_tokens(tokenizer):
    tokens, sizes = Encoder(tokenizer).encode([])
    assert len(tokens) == len(sizes) == 0


def test_a_tokenizer_that_looks_across_blanks_is_asked_itself():
    pieces = [("<unk>", 0.0), ("▁a", -1.0), ("▁a▁b", -0.1), ("▁b", -1.0)]
    backend = Tokenizer(models.Unigram(pieces, unk_id=0))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
    encoder = Encoder(PreTrainedTokenizerFast(tokenizer_object=backend))
    assert encoder.known is None
    assert encoder.encode(["a b", "a"])[0].tolist() == [2, 1]


@pytest.mark.parametrize("token", ["x++", "(x"])
def test_a_word_that_was_added_to_the_vocabulary_is_not_cut(token):
    backend = wordpiece({"[UNK]": 0, "x": 1, "+": 2, "(": 3}, FOLDED)
    backend.add_tokens([token])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")
    assert by_words(tokenizer, [f"{token} x"]) == directly(tokenizer, [f"{token} x"]) == [[4, 1]]


def test_a_normalizer_that_looks_across_punctuation_marks_is_respected():
    backend = wordpiece({"[UNK]": 0, "x": 1, "'": 2, "y": 3}, FOLDED)
    backend.normalizer = normalizers.Replace("''", "y")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")
    assert by_words(tokenizer, ["x '' x"]) == directly(tokenizer, ["x '' x"]) == [[1, 3, 1]]


def test_a_word_that_was_added_with_the_blank_before_it_is_found():
    backend = wordpiece({"[UNK]": 0, "a": 1, "x": 2}, FOLDED)
    backend.add_tokens([" x"])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="[UNK]")
    assert by_words(tokenizer, ["a x"]) == directly(tokenizer, ["a x"]) == [[1, 3]]
