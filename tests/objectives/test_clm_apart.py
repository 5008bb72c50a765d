"""Next tokens with documents apart: the loss is that of each document, read alone."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch.nn import functional

from tasks.data.text.drawing import Drawing
from tasks.objectives import clm, clm_apart
from tests.objectives.test_mlm import VOCABULARY, corpus
from tests.support.shapes import DECODERS, case


def drawn(lengths, length=12):
    drawing = Drawing(length=length, masking_share=0.15, seed=0)
    found, alike = (of.examples(corpus(lengths), VOCABULARY, drawing) for of in (clm_apart, clm))
    indices, epochs = np.arange(len(found)), np.zeros(len(found), np.int64)
    return found.draw(indices, epochs), alike.draw(indices, epochs)


def test_positions_count_from_the_separator_before_a_document_or_from_the_window():
    batch, alike = drawn([7, 1, 30, 12, 44, 5])
    for name, expected in alike.items():
        assert np.array_equal(batch[name], expected)
    for tokens, positions in zip(batch["input_ids"], batch["position_ids"], strict=True):
        expected, place = [], -1
        for token in tokens:
            place = 0 if token == VOCABULARY.sep else place + 1
            expected.append(place)
        assert positions.tolist() == expected


@pytest.mark.parametrize("family", DECODERS)
def test_the_loss_is_that_of_documents_read_alone(family):
    given = case(f"{family} clm+apart")
    with torch.no_grad():
        for matrix in (each for each in given.model.parameters() if each.dim() > 1):
            matrix.mul_(10)  # so that what is before a token matters
    given.batch["position_ids"][:, 9:] -= 9  # as if documents began there
    given.batch["position_ids"][::2, 15:] -= 6
    loss = given.loss(given.model, given.batch)["loss"]
    each = []
    for row in range(len(given.batch["input_ids"])):
        tokens, targets, positions = (
            given.batch[name][row] for name in ("input_ids", "targets", "position_ids")
        )
        begins = [*torch.nonzero(positions == 0).flatten().tolist(), len(tokens)]
        for begin, end in pairwise(begins):
            logits = given.model(input_ids=tokens[None, begin:end]).logits[0]
            each.append(functional.cross_entropy(logits, targets[begin:end], reduction="none"))
    assert len(each) == 25
    torch.testing.assert_close(loss, torch.cat(each).mean())
    assert not torch.isclose(loss, clm.losses(given.model, given.batch)["loss"], rtol=1e-3)
    assert not given.model._forward_pre_hooks, "the model is as it was"
