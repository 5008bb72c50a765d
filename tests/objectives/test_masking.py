"""Masking: how many, which, what with; and that the head on masked positions is the dense head."""

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import BertConfig, BertForMaskedLM

from tasks import families
from tasks.data.text.drawing import Drawing
from tasks.data.text.masking import mask
from tasks.data.text.vocabulary import Vocabulary
from tasks.data.text.word_boundaries import WordBoundaries
from tasks.experiment.model import Model
from tasks.objectives import load
from tasks.timing.synthetic import MadeUpTokenizer

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


# Entries of 50 and more are pieces inside of a word.
PIECES = (np.arange(SIZE) >= 50).astype(np.int8)
WORDS = WordBoundaries(joins=PIECES, ends=np.where(ORDINARY, 1, -1).astype(np.int8))
WHOLE = Drawing(length=32, masking_share=0.15, seed=1, words=WORDS)


def words_in(row):
    """The columns of each word of a row."""
    found = []
    for column in np.flatnonzero(ORDINARY[row]).tolist():
        goes_on = row[column] >= 50 and ORDINARY[row[column - 1]]
        if goes_on:
            found[-1].append(column)
        else:
            found.append([column])
    return found


def hidden_in(found, rows):
    """[rows, 32] which tokens are hidden."""
    hidden = np.zeros((rows, 32), bool)
    hidden.reshape(-1)[found["positions"]] = True
    return hidden


def test_a_word_is_hidden_as_a_whole_or_not_at_all():
    ids = sequences(300, lengths=(1, 2, 3, 7, 10, 30))
    found = masked(ids, drawing=WHOLE)
    hidden = hidden_in(found, 300)
    sizes = set()
    for row, chosen in zip(ids, hidden, strict=True):
        for columns in words_in(row):
            assert len({bool(chosen[column]) for column in columns}) == 1
            sizes.add(len(columns))
    assert len(sizes) > 4
    assert not hidden[~ORDINARY[ids]].any()
    assert sorted(found["positions"].tolist()) == found["positions"].tolist()
    assert (ids.reshape(-1)[found["positions"]] == found["targets"]).all()


@pytest.mark.parametrize("share", [0.15, 0.5, 0.9])
def test_as_many_tokens_are_hidden_in_whole_words_and_each_as_likely(share):
    """One row of words of 1, 2, 3, 9 and 15 tokens, masked in many epochs."""
    row, column = np.zeros((1, 32), np.int64), 1
    row[0, 0] = 2
    for size in (1, 2, 3, 9, 15):
        row[0, column] = 20
        row[0, column + 1 : column + size] = 60
        column += size
    row[0, column] = 3
    epochs = 20_000
    drawing = Drawing(length=32, masking_share=share, seed=5, words=WORDS)
    found = mask(
        row.repeat(epochs, axis=0), VOCABULARY, drawing, np.zeros(epochs, int), np.arange(epochs)
    )
    hidden = hidden_in(found, epochs)
    expected = int(share * 30 + 0.5)
    assert hidden.sum() / epochs == pytest.approx(expected, rel=0.02)
    shares = hidden[:, 1:31].mean(axis=0)
    assert shares == pytest.approx(np.full(30, expected / 30), abs=0.015)


def test_hidden_words_become_the_mask_a_random_token_or_stay():
    found = masked(sequences(4000), drawing=WHOLE)
    shown = found["input_ids"].reshape(-1)[found["positions"]]
    assert abs((shown == 4).mean() - 0.8) < 0.01
    assert abs((shown == found["targets"]).mean() - (0.1 + 0.1 / 95)) < 0.01


def test_a_mask_of_words_differs_by_epoch_seed_and_example_and_not_by_batch():
    ids = sequences(10)
    together = masked(ids, drawing=WHOLE)
    alone = masked(ids[7:8], indices=np.array([7]), drawing=WHOLE)
    assert (alone["input_ids"][0] == together["input_ids"][7]).all()
    seed = Drawing(length=32, masking_share=0.15, seed=2, words=WORDS)
    others = [
        masked(ids, epoch=1, drawing=WHOLE),
        masked(ids, drawing=seed),
        masked(ids, indices=np.arange(1, 11), drawing=WHOLE),
        masked(ids),
    ]
    for other in others:
        assert other["positions"].tolist() != together["positions"].tolist()


def test_a_sequence_without_ordinary_tokens_hides_no_word():
    ids = sequences(2)
    ids[0] = 0
    assert (masked(ids, drawing=WHOLE)["positions"] >= 32).all()


def test_words_of_one_token_are_hidden_as_often_as_single_tokens():
    ids = sequences(500)
    ids[ids >= 50] -= 45
    single, whole = masked(ids), masked(ids, drawing=WHOLE)
    assert len(whole["positions"]) == pytest.approx(len(single["positions"]), rel=0.03)


def test_single_tokens_are_masked_as_they_always_were():
    """Caches and checkpoints of earlier versions were computed with these numbers."""
    found = masked(sequences(3), epoch=2)
    assert found["positions"].tolist() == [3, 4, 16, 25, 26, 33, 36, 39, 43, 57, 65, 70, 82, 85, 93]
    shown = found["input_ids"].reshape(-1)[found["positions"]].tolist()
    assert shown == [4, 73, 65, 4, 4, 57, 4, 4, 4, 4, 4, 4, 4, 61, 4]


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
# Every family with a head for masked tokens is found by its file.
MASKED = [name for name in families.names() if "masked tokens" in families.load(name).HEADS]
CASES = [*((name, "mlm") for name in MASKED), ("bert", "mlm+nsp")]


@pytest.mark.parametrize(("family", "objective"), CASES)
def test_loss_and_gradients_are_those_of_the_dense_head(family, objective):
    size = Model(family=family, layers=2, hidden_size=16, heads=2, max_positions=64)
    config = families.load(family).configure(size, MadeUpTokenizer(SIZE), 0.0)
    model = load(objective).new_model(config, seed=0).train()
    ids = sequences(8, lengths=(30, 12))
    found = {name: torch.from_numpy(array) for name, array in masked(ids).items()}
    found["attention_mask"] = torch.from_numpy((ids != 0).astype(np.int64))
    pairs = torch.tensor([0, 1, -100, 1, 0, 0, -100, 1])
    found["next_sentence_label"] = pairs

    sparse = load(objective).losses(model, found)["loss"]
    sparse.backward()
    gradients = {n: part.grad.clone() for n, part in model.named_parameters() if part.requires_grad}
    model.zero_grad()

    output = model(input_ids=found["input_ids"], attention_mask=found["attention_mask"])
    labels = torch.full(ids.shape, -100).reshape(-1)
    labels[found["positions"]] = found["targets"]
    dense = functional.cross_entropy(output[0].reshape(-1, SIZE), labels)
    if "nsp" in objective:
        dense = dense + functional.cross_entropy(output.seq_relationship_logits, pairs)
    dense.backward()
    torch.testing.assert_close(sparse, dense)
    assert gradients
    for name, part in model.named_parameters():
        if part.requires_grad:
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
