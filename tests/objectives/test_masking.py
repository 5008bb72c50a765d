"""Masking: how many, which, what with; and that the head on masked positions is the dense head."""

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    RobertaConfig,
    RobertaForMaskedLM,
)

from tasks.data.text.drawing import Drawing
from tasks.data.text.masking import mask
from tasks.data.text.vocabulary import Vocabulary
from tasks.objectives import load

SIZE = 100
ORDINARY = np.arange(SIZE) >= 5
VOCABULARY = Vocabulary(size=SIZE, cls=2, sep=3, pad=0, mask=4, ordinary=ORDINARY)
DRAWING = Drawing(length=32, masking_share=0.15, seed=1)


def sequences(rows, lengths=(30,)):
    generator = np.random.default_rng(0)
    ids = generator.integers(5, SIZE, (rows, 32))
    ids[:, 0] = 2
    for row in range(rows):
        length = lengths[row % len(lengths)]
        ids[row, length + 1] = 3
        ids[row, length + 2 :] = 0
    return ids


def masked(ids, epoch=0, drawing=DRAWING, indices=None):
    indices = np.arange(len(ids)) if indices is None else indices
    return mask(ids, VOCABULARY, drawing, indices, np.full(len(ids), epoch))


def test_each_sequence_hides_its_exact_share_of_ordinary_tokens():
    ids = sequences(40, lengths=(1, 2, 3, 7, 10, 30))
    found = masked(ids)
    counts = np.bincount(found["positions"] // 32, minlength=40)
    ordinary = ORDINARY[ids].sum(axis=1)
    assert counts.tolist() == [max(1, int(0.15 * n + 0.5)) for n in ordinary]


def test_special_tokens_are_never_hidden_and_the_rest_is_untouched():
    ids = sequences(200)
    found = masked(ids)
    assert ORDINARY[found["targets"]].all()
    assert (ids.reshape(-1)[found["positions"]] == found["targets"]).all()
    untouched = np.ones(ids.size, bool)
    untouched[found["positions"]] = False
    assert (found["input_ids"].reshape(-1)[untouched] == ids.reshape(-1)[untouched]).all()


def test_a_sequence_without_ordinary_tokens_hides_none():
    ids = sequences(2)
    ids[0] = 0
    assert (masked(ids)["positions"] >= 32).all()


def test_hidden_tokens_become_the_mask_a_random_token_or_stay():
    ids = sequences(4000)
    found = masked(ids)
    shown = found["input_ids"].reshape(-1)[found["positions"]]
    assert abs((shown == 4).mean() - 0.8) < 0.01
    # One in 95 of the random tokens is the token itself.
    assert abs((shown == found["targets"]).mean() - (0.1 + 0.1 / 95)) < 0.01
    random = shown[(shown != 4) & (shown != found["targets"])]
    assert ORDINARY[random].all()
    assert len(set(random.tolist())) == 95


def test_places_are_hidden_evenly():
    found = masked(sequences(4000))
    counts = np.bincount(found["positions"] % 32, minlength=32)
    assert counts[0] == counts[31] == 0
    assert (abs(counts[1:31] / 4000 - 5 / 30) < 0.03).all()


def test_masks_differ_by_epoch_by_seed_and_by_example():
    ids = sequences(1).repeat(2, axis=0)
    first = masked(ids)["positions"]
    assert first[:5].tolist() != (first[5:] - 32).tolist()
    assert first.tolist() != masked(ids, epoch=1)["positions"].tolist()
    other = Drawing(length=32, masking_share=0.15, seed=2)
    assert first.tolist() != masked(ids, drawing=other)["positions"].tolist()


def test_a_mask_does_not_depend_on_the_batch():
    ids = sequences(10)
    alone = masked(ids[7:8], indices=np.array([7]))
    together = masked(ids)
    assert (alone["input_ids"][0] == together["input_ids"][7]).all()


SMALL = {
    "vocab_size": SIZE,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
MODELS = {
    "bert, mlm": (BertForMaskedLM, BertConfig(**SMALL), "mlm"),
    "bert, mlm+nsp": (BertForPreTraining, BertConfig(**SMALL), "mlm+nsp"),
    "roberta, mlm": (RobertaForMaskedLM, RobertaConfig(**SMALL, pad_token_id=0), "mlm"),
}


@pytest.mark.parametrize("case", MODELS)
def test_loss_and_gradients_are_those_of_the_dense_head(case):
    make, config, objective = MODELS[case]
    torch.manual_seed(0)
    model = make(config)
    ids = sequences(8, lengths=(30, 12))
    found = {name: torch.from_numpy(array) for name, array in masked(ids).items()}
    found["attention_mask"] = torch.from_numpy((ids != 0).astype(np.int64))
    pairs = torch.tensor([0, 1, -100, 1, 0, 0, -100, 1])
    found["next_sentence_label"] = pairs

    sparse = load(objective).losses(model, found)["loss"]
    sparse.backward()
    gradients = {name: part.grad.clone() for name, part in model.named_parameters()}
    model.zero_grad()

    output = model(input_ids=found["input_ids"], attention_mask=found["attention_mask"])
    labels = torch.full(ids.shape, -100).reshape(-1)
    labels[found["positions"]] = found["targets"]
    dense = functional.cross_entropy(output[0].reshape(-1, SIZE), labels)
    if "nsp" in objective:
        dense = dense + functional.cross_entropy(output.seq_relationship_logits, pairs)
    dense.backward()
    torch.testing.assert_close(sparse, dense)
    for name, part in model.named_parameters():
        torch.testing.assert_close(gradients[name], part.grad, msg=name)


def test_the_head_is_dense_again_after_a_prediction():
    model = BertForMaskedLM(BertConfig(**SMALL)).eval()
    ids = sequences(2)
    found = {name: torch.from_numpy(array) for name, array in masked(ids).items()}
    with torch.no_grad():
        before = model(torch.from_numpy(ids)).logits
        load("mlm").losses(model, found)
        after = model(torch.from_numpy(ids)).logits
    assert before.shape == (2, 32, SIZE)
    assert torch.equal(before, after)
