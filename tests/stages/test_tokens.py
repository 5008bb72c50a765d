"""The tokens stage: flat arrays that hold the text, its sentences and its documents."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from tasks.contract import Silent, StageError
from tasks.data import tables
from tasks.data.text.sentences import split_sentences
from tasks.data.text.token_arrays import EncodedCorpus, load_tokenizer
from tasks.experiment.tokenizer import Tokenizer
from tasks.stages.tokenizer import train_tokenizer
from tasks.stages.tokens import ArrayFile, encode_corpus, while_next
from tests.support.small_corpus import documents, encode, write_documents


def test_every_sentence_is_found_again(tmp_path):
    texts = documents(40)
    folder = encode(tmp_path / "run", texts, texts[:3])
    tokenizer = load_tokenizer(folder / "tokenizer")
    corpus = EncodedCorpus.open(folder / "tokens", "train")
    expected = [split_sentences(text) for text in texts]
    found = [
        [
            corpus.tokens[corpus.sentences[s] : corpus.sentences[s + 1]].tolist()
            for s in range(first, stop)
        ]
        for first, stop in zip(corpus.documents[:-1], corpus.documents[1:], strict=True)
    ]
    assert found == [
        [tokenizer(sentence, add_special_tokens=False)["input_ids"] for sentence in sentences]
        for sentences in expected
    ]


def test_the_arrays_are_mapped_and_small(tmp_path):
    folder = encode(tmp_path / "run", documents(20), documents(2))
    corpus = EncodedCorpus.open(folder / "tokens", "train")
    assert isinstance(corpus.tokens, np.memmap)
    assert corpus.tokens.dtype == np.uint16
    assert len(corpus.documents) == 21
    assert corpus.documents[-1] == len(corpus.sentences) - 1
    assert corpus.sentences[-1] == len(corpus.tokens)


def test_what_has_no_token_is_left_out(tmp_path):
    blank = "\u200b\u200b"  # a zero-width space is no text to BERT
    texts = documents(20)
    texts[3:3] = [blank]
    texts[7] += f"\n\n{blank}\n\nIt ends."
    folder = encode(tmp_path / "run", texts, texts)
    corpus = EncodedCorpus.open(folder / "tokens", "train")
    assert len(corpus.documents) - 1 == 20
    assert (np.diff(corpus.sentences) > 0).all()


def test_metrics_count_what_was_written(tmp_path):
    folder = encode(tmp_path / "run", documents(20), documents(2))
    out = tmp_path / "again"
    out.mkdir()
    monitor = Silent()
    metrics = encode_corpus(
        train=folder / "train.parquet",
        validation=folder / "validation.parquet",
        tokenizer=folder / "tokenizer",
        out=out,
        monitor=monitor,
    )
    corpus = EncodedCorpus.open(out, "train")
    assert metrics["tokens"] == len(corpus.tokens)
    assert metrics["sentences"] == len(corpus.sentences) - 1
    assert metrics["documents"] == 20
    assert metrics["unknown_share"] == 0
    assert 2 < metrics["characters_per_token"] < 8
    assert monitor.last == (2, 2, "validation documents")
    for file in out.iterdir():
        assert file.read_bytes() == (folder / "tokens" / file.name).read_bytes()


def test_unknown_characters_are_counted(tmp_path):
    folder = encode(tmp_path / "run", documents(20), documents(2))
    train = write_documents(tmp_path / "greek.parquet", ["The matrix holds αβγ."])
    (tmp_path / "out").mkdir()
    metrics = encode_corpus(
        train=train,
        validation=train,
        tokenizer=folder / "tokenizer",
        out=tmp_path / "out",
        monitor=Silent(),
    )
    assert metrics["unknown_share"] == 1 / metrics["tokens"]


def test_a_share_of_unknown_characters_is_told_with_an_example(tmp_path):
    folder = encode(tmp_path / "run", documents(20), documents(2))
    text = " ".join(documents(9)) + " " + "αβγδ" * 9
    train = write_documents(tmp_path / "greek.parquet", [text])
    (tmp_path / "out").mkdir()
    monitor = Silent()
    metrics = encode_corpus(
        train=train,
        validation=train,
        tokenizer=folder / "tokenizer",
        out=tmp_path / "out",
        monitor=monitor,
    )
    assert metrics["unknown_characters"] == 36 / sum(map(len, split_sentences(text)))
    assert "of the characters of the train split are in words" in monitor.said[0]
    assert "αβγδ" in monitor.said[0]


def test_text_of_words_too_long_for_the_tokenizer_is_refused_with_the_reason(tmp_path):
    genome = ["".join("ACGT"[(n * n * k) % 4] for n in range(500)) for k in range(1, 30)]
    message = r"100.0% of the characters .* more than 100 characters is unknown .* put blanks"
    with pytest.raises(StageError, match=message):
        encode(tmp_path / "run", genome, genome[:2])


def test_lines_can_be_sentences(tmp_path):
    lines = ["the dog saw a cat", "the cat saw a dog", "", "a dog saw the cat"]
    folder = encode(tmp_path / "run", documents(20), documents(2))
    train = write_documents(tmp_path / "lines.parquet", ["\n".join(lines)])
    for sentences, count in (("auto", 2), ("line", 3)):
        out = tmp_path / sentences
        out.mkdir()
        metrics = encode_corpus(
            train=train,
            validation=train,
            tokenizer=folder / "tokenizer",
            sentences=sentences,
            out=out,
            monitor=Silent(),
        )
        assert metrics["sentences"] == count


def test_a_split_without_text_is_refused(tmp_path):
    with pytest.raises(StageError, match="the validation split of the corpus contains no token"):
        encode(tmp_path / "run", documents(20), ["\u200b"])


def test_real_text_survives(shared_data, tmp_path):
    book = (shared_data / "classic-books" / "books" / "bram-stoker-dracula.md").read_text()
    texts = [block for block in book.split("\n\n") if block.strip()]
    corpus = write_documents(tmp_path / "train.parquet", texts)
    for name in ("tokenizer", "tokens"):
        (tmp_path / name).mkdir()
    train_tokenizer(
        tokenizer=Tokenizer(algorithm="bpe", vocab_size=1000, lowercase=False),
        published=None,
        corpus=corpus,
        out=tmp_path / "tokenizer",
        monitor=Silent(),
    )
    encode_corpus(
        train=corpus,
        validation=corpus,
        tokenizer=tmp_path / "tokenizer",
        out=tmp_path / "tokens",
        monitor=Silent(),
    )
    encoded = EncodedCorpus.open(tmp_path / "tokens", "train")
    tokenizer = load_tokenizer(tmp_path / "tokenizer")
    written = " ".join(sentence for text in texts for sentence in split_sentences(text))
    assert tokenizer.decode(encoded.tokens.tolist()).split() == written.split()


def test_an_array_file_is_an_npy_file_of_any_length(tmp_path):
    for length in (0, 1, 100_000):
        with ArrayFile(tmp_path / "x.npy", np.uint16) as file:
            for piece in np.array_split(np.arange(length) % 65_536, 7):
                file.append(piece)
        assert np.array_equal(
            np.load(tmp_path / "x.npy", mmap_mode="r" if length else None),
            (np.arange(length) % 65_536).astype(np.uint16),
        )


def test_a_corpus_in_batches_has_the_bytes_of_one_in_one_piece(tmp_path, monkeypatch):
    texts = documents(40)
    whole = encode(tmp_path / "whole", texts, texts[:3])
    monkeypatch.setattr(tables, "_ROW_GROUP_ROWS", 7)
    parts = encode(tmp_path / "parts", texts, texts[:3])
    pieces = [pq.read_metadata(at / "train.parquet").num_row_groups for at in (whole, parts)]
    assert pieces == [1, 6]
    for stage in ("tokenizer", "tokens"):
        found = {file.name: file.read_bytes() for file in (parts / stage).iterdir()}
        assert found == {file.name: file.read_bytes() for file in (whole / stage).iterdir()}


def test_each_item_is_worked_out_in_order():
    assert list(while_next(str, range(5))) == [(n, str(n)) for n in range(5)]
    assert list(while_next(str, [])) == []


def test_a_mistake_in_the_thread_comes_to_the_caller():
    found = []
    with pytest.raises(ZeroDivisionError):
        found.extend(while_next(lambda n: 1 / n, [2, 0, 1]))
    with pytest.raises(ZeroDivisionError):
        found.extend(while_next(str, (1 / n for n in [2, 0])))
