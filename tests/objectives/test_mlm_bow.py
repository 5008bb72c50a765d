"""The words of a passage: which count, how much, and that the state of `[CLS]` learns them."""

import numpy as np
import pytest
import torch

from tasks import objectives
from tasks.data.text.drawing import Drawing, tensors
from tasks.data.text.token_arrays import EncodedCorpus
from tasks.experiment.model import Model
from tasks.objectives.mlm_bow import FREQUENT, examples
from tests.objectives.test_mlm import SEP, VOCABULARY, corpus, ring
from tests.support.shapes import case


def windows(lengths, length=12):
    return examples(corpus(lengths), VOCABULARY, Drawing(length=length, masking_share=0.15, seed=0))


def test_words_are_those_of_the_window_and_beside_it_in_the_document():
    lengths = [7, 1, 30, 12, 44, 5]
    found, width = windows(lengths), 10
    numbers = np.arange(len(found))
    drawn = found.draw(numbers, np.full(len(found), 3))
    whole = ring(lengths)
    documents = np.repeat(np.arange(len(lengths)), np.array(lengths) + 1)
    for row, first in enumerate(found.windows.first(numbers, np.full(len(found), 3))):
        inside = range(first, first + width)
        expected = set()
        for place in range(first - width, first + 2 * width):
            near = documents[place % len(whole)]
            edge = first if place < first else first + width - 1
            if place in inside or near == documents[edge % len(whole)]:
                expected.add(whole[place % len(whole)])
        counted = drawn["words"][row][drawn["word_weights"][row] > 0]
        assert set(counted.tolist()) == expected - {SEP}


def test_weights_add_up_to_one_and_frequent_tokens_count_for_less():
    tokens = np.array([5] * 90 + [6] * 10, np.uint16)
    np.random.default_rng(0).shuffle(tokens)
    text = EncodedCorpus(tokens, np.array([0, 100]), np.array([0, 1]))
    found = examples(text, VOCABULARY, Drawing(length=52, masking_share=0.15, seed=0))
    drawn = found.draw(np.arange(1), np.zeros(1, int))
    words, weights = drawn["words"][0], drawn["word_weights"][0]
    assert weights.sum() == pytest.approx(1)
    common, rare = weights[words == 5].max(), weights[words == 6].max()
    share = {token: ((tokens == token).sum() + 1) / (100 + VOCABULARY.size) for token in (5, 6)}
    assert rare / common == pytest.approx((share[5] / share[6]) ** 0.5)
    assert share[6] > FREQUENT


def test_the_loss_is_the_cross_entropy_of_the_dense_model_at_cls():
    given = case("bert mlm+bow")
    found = given.loss(given.model, given.batch)
    with torch.no_grad():
        dense = given.model(input_ids=given.batch["input_ids"]).logits.log_softmax(-1)
    expected = 0.0
    for row, (words, weights) in enumerate(
        zip(given.batch["words"], given.batch["word_weights"], strict=True)
    ):
        expected -= float((dense[row, 0, words] * weights).sum())
    words = float(found["bow_loss"].detach())
    assert words == pytest.approx(expected / len(dense), rel=1e-5)
    torch.testing.assert_close(found["loss"], found["mlm_loss"] + found["bow_loss"])


def test_the_state_of_cls_learns_what_a_document_is_about():
    """A document has words of one of two kinds: the rest of a window tells which."""
    generator = np.random.default_rng(0)
    halves = generator.integers(0, 2, 60)
    tokens = np.concatenate(
        [generator.integers(5 + 20 * half, 25 + 20 * half, 50) for half in halves]
    )
    ends = np.arange(61) * 50
    text = EncodedCorpus(tokens.astype(np.uint16), ends, np.arange(61))
    objective = objectives.load("mlm+bow")
    given = case("bert mlm+bow", size=Model(layers=1, hidden_size=32, heads=2, max_positions=24))
    drawn = examples(text, VOCABULARY, Drawing(length=24, masking_share=0.15, seed=0))
    model = given.model
    model.resize_token_embeddings(VOCABULARY.size)
    with torch.no_grad():  # which words are of one kind is known, as it is from co-occurrence
        kind = torch.randn(32, generator=torch.Generator().manual_seed(0)) / 32**0.5
        model.get_input_embeddings().weight[5:25] += kind
        model.get_input_embeddings().weight[25:45] -= kind
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for epoch in range(10):
        order = generator.permutation(len(drawn))
        for some in np.array_split(order, 8):
            batch = tensors(drawn.draw(some, np.full(len(some), epoch)))
            objective.losses(model, batch)["loss"].backward()
            optimizer.step()
            optimizer.zero_grad()
    model.eval()
    batch = tensors(drawn.draw(np.arange(len(drawn)), np.full(len(drawn), 99)))
    total, rows = objective.measure(model, batch)["bow_loss"]
    assert total / rows < np.log(40) - 0.3  # knowing the words, not the half: log 40; both: log 20
