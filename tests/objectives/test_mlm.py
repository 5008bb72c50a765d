"""Windows: the documents in a ring, cut into full sequences at another offset in each epoch."""

import numpy as np
import pytest

from tasks.contract import StageError
from tasks.data.text.drawing import Drawing
from tasks.data.text.token_arrays import EncodedCorpus
from tasks.data.text.vocabulary import Vocabulary
from tasks.objectives.mlm import examples

CLS, SEP, MASK = 2, 3, 4
VOCABULARY = Vocabulary(
    size=1000, cls=CLS, sep=SEP, pad=0, mask=MASK, ordinary=np.arange(1000) >= 5
)


def corpus(lengths):
    """Documents of one sentence each; the tokens count up from 5."""
    return EncodedCorpus(
        tokens=np.arange(5, 5 + sum(lengths), dtype=np.uint16),
        sentences=np.concatenate([[0], np.cumsum(lengths)]),
        documents=np.arange(len(lengths) + 1),
    )


def ring(lengths):
    tokens = iter(range(5, 5 + sum(lengths)))
    return [token for n in lengths for token in [*(next(tokens) for _ in range(n)), SEP]]


def windows(lengths, length=12, seed=0):
    drawing = Drawing(length=length, masking_share=0.15, seed=seed)
    return examples(corpus(lengths), VOCABULARY, drawing)


def read(drawn):
    """The windows as they were before masking."""
    ids = drawn["input_ids"].copy()
    ids.reshape(-1)[drawn["positions"]] = drawn["targets"]
    return ids


@pytest.mark.parametrize("epoch", [0, 1, 2, 17])
def test_an_epoch_reads_the_ring_once(epoch):
    lengths = [7, 1, 30, 12, 44, 5]
    found = windows(lengths)
    ids = read(found.draw(np.arange(len(found)), np.full(len(found), epoch)))
    assert (ids[:, 0] == CLS).all() and (ids[:, -1] == SEP).all()
    content = ids[:, 1:-1].reshape(-1).tolist()
    whole = ring(lengths)
    assert len(content) == len(whole) // 10 * 10
    twice = whole + whole
    begin = next(start for start in range(10) if twice[start : start + len(content)] == content)
    assert 0 <= begin < 10


def test_epochs_cut_at_different_offsets():
    found = windows([50, 60, 70])
    firsts = {int(read(found.draw(np.array([0]), np.array([epoch])))[0, 1]) for epoch in range(20)}
    assert len(firsts) > 4


def test_an_example_is_a_function_of_its_number_and_epoch():
    found = windows([50, 60, 70])
    epochs = np.array([0, 3, 3, 1])
    together = found.draw(np.array([4, 1, 2, 4]), epochs)["input_ids"]
    alone = found.draw(np.array([1]), np.array([3]))["input_ids"]
    assert (together[1] == alone[0]).all()


def test_separators_are_never_hidden():
    found = windows([3] * 50)
    drawn = found.draw(np.arange(len(found)), np.zeros(len(found), int))
    assert not np.isin(drawn["targets"], [CLS, SEP]).any()


def test_a_corpus_that_fills_no_window_is_refused():
    with pytest.raises(StageError, match="the corpus has 8 tokens, fewer than the 10"):
        windows([8])
