"""Sentence pairs: true and false ones half and half, from the documents they should be from."""

import numpy as np
import pytest

from tasks.contract import StageError
from tasks.data.text.drawing import Drawing
from tasks.data.text.token_arrays import EncodedCorpus
from tasks.data.text.vocabulary import Vocabulary
from tasks.objectives.mlm_nsp import NO_PAIR, chunk, examples

CLS, SEP, PAD = 2, 3, 0
VOCABULARY = Vocabulary(
    size=60_000, cls=CLS, sep=SEP, pad=PAD, mask=4, ordinary=np.arange(60_000) >= 5
)
LENGTH = 16


def corpus(documents):
    """Documents as lists of sentence lengths; every token is different, so all can be traced."""
    lengths = [length for document in documents for length in document]
    return EncodedCorpus(
        tokens=np.arange(5, 5 + sum(lengths), dtype=np.uint16),
        sentences=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        documents=np.concatenate([[0], np.cumsum([len(d) for d in documents])]).astype(np.int64),
    )


def many(seed=0, count=300):
    generator = np.random.default_rng(seed)
    return [generator.integers(1, 9, generator.integers(1, 8)).tolist() for _ in range(count)]


def pairs(documents, seed=0):
    drawing = Drawing(length=LENGTH, masking_share=0.15, seed=seed)
    return examples(corpus(documents), VOCABULARY, drawing)


def draw(found, epoch=0, indices=None):
    indices = np.arange(len(found)) if indices is None else np.asarray(indices)
    drawn = found.draw(indices, np.full(len(indices), epoch))
    drawn["ids"] = drawn["input_ids"].copy()
    drawn["ids"].reshape(-1)[drawn["positions"]] = drawn["targets"]
    return drawn


def segments(ids, types):
    """The tokens of A and of B."""
    a = ids[(types == 0) & (ids >= 5)]
    return a.tolist(), ids[(types == 1) & (ids >= 5)].tolist()


def owners(documents):
    """The document of each token."""
    return np.repeat(np.arange(len(documents)), [sum(document) for document in documents])


def test_an_example_is_laid_out_as_in_bert():
    drawn = draw(pairs(many()))
    for ids, types, attention in zip(
        drawn["ids"], drawn["token_type_ids"], drawn["attention_mask"], strict=True
    ):
        a, b = segments(ids, types)
        used = [CLS, *a, SEP, *b, SEP]
        assert ids.tolist() == used + [PAD] * (LENGTH - len(used))
        assert attention.tolist() == [1] * len(used) + [0] * (LENGTH - len(used))
        assert types.tolist() == (
            [0] * (len(a) + 2) + [1] * (len(b) + 1) + [0] * (LENGTH - len(used))
        )
        assert a and b


def test_segments_are_running_text_of_one_document():
    documents = many()
    owner = owners(documents)
    drawn = draw(pairs(documents))
    for ids, types in zip(drawn["ids"], drawn["token_type_ids"], strict=True):
        for segment in segments(ids, types):
            assert segment == list(range(segment[0], segment[0] + len(segment)))
            assert len({int(owner[token - 5]) for token in segment}) == 1


def test_a_true_b_follows_a_and_a_false_one_is_of_another_document():
    documents = many()
    owner = owners(documents)
    drawn = draw(pairs(documents))
    for ids, types, label in zip(
        drawn["ids"], drawn["token_type_ids"], drawn["next_sentence_label"], strict=True
    ):
        a, b = segments(ids, types)
        if label == 0:
            assert b[0] == a[-1] + 1
        else:
            assert owner[b[0] - 5] != owner[a[0] - 5]


def test_labels_are_half_and_half_and_drawn_anew():
    found = pairs(many(count=2000))
    first, second = (draw(found, epoch)["next_sentence_label"] for epoch in (0, 1))
    assert abs((first[first != NO_PAIR] == 1).mean() - 0.5) < 0.03
    both = (first != NO_PAIR) & (second != NO_PAIR)
    assert abs((first == second)[both].mean() - 0.5) < 0.03


def test_a_document_of_one_sentence_has_no_label():
    documents = [[4], [3, 3], [2], [5, 2, 4]]
    drawn = draw(pairs(documents))
    labels = drawn["next_sentence_label"]
    alone = np.isin(owners(documents)[drawn["ids"][:, 1] - 5], [0, 2])
    assert (labels[alone] == NO_PAIR).all() and (labels[~alone] != NO_PAIR).all()


def test_neither_segment_tells_by_its_length_whether_the_pair_is_true():
    found = pairs(many(count=3000))
    drawn = draw(found)
    label = drawn["next_sentence_label"]
    size = drawn["attention_mask"].sum(axis=1)
    size_b = drawn["token_type_ids"].sum(axis=1)
    for measure in (size_b, size):
        true, false = measure[label == 0].mean(), measure[label == 1].mean()
        assert abs(true - false) / true < 0.05


def test_every_token_is_read_in_an_epoch_as_a_of_some_example_or_after_it():
    documents = many(count=100)
    chunks = chunk(corpus(documents), LENGTH - 3)
    read = np.zeros(sum(map(sum, documents)), bool)
    for first, stop in zip(chunks.first, chunks.stop, strict=True):
        begin, end = chunks.sentences[first], chunks.sentences[stop]
        assert end - begin <= LENGTH - 3
        read[begin:end] = True
    assert read.all()


def test_chunks_stay_inside_their_document():
    documents = many(count=100)
    encoded = corpus(documents)
    chunks = chunk(encoded, LENGTH - 3)
    owner = owners(documents)
    for first, stop in zip(chunks.first, chunks.stop, strict=True):
        inside = owner[chunks.sentences[first] : chunks.sentences[stop]]
        assert len(set(inside.tolist())) == 1


def test_a_long_sentence_is_cut_rather_than_lost():
    chunks = chunk(corpus([[100], [40, 3]]), LENGTH - 3)
    assert chunks.sentences[-1] == 143
    assert np.diff(chunks.sentences).max() <= (LENGTH - 3) // 2
    assert len(chunks.pairs) == len(chunks.first)


def test_the_last_chunk_begins_early_rather_than_be_padded():
    chunks = chunk(corpus([[6, 6, 6]]), 13)
    assert chunks.first.tolist() == [0, 1]
    assert chunks.stop.tolist() == [2, 3]


def test_an_example_is_a_function_of_its_number_and_epoch():
    found = pairs(many())
    together, alone = draw(found, 5), draw(found, 5, [17])
    assert (together["input_ids"][17] == alone["input_ids"][0]).all()
    assert together["next_sentence_label"][17] == alone["next_sentence_label"][0]


def test_a_corpus_without_pairs_is_refused():
    with pytest.raises(StageError, match="none of 3 documents has two sentences"):
        pairs([[3], [4], [5]])
    with pytest.raises(StageError, match="one of 2 documents has two sentences"):
        pairs([[3, 3, 3], [4]])
