"""Replaced tokens: which are judged, what is put in, what is counted, and that it is learnt."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from tasks import objectives
from tasks.contract import StageError
from tasks.data.text.drawing import Drawing, tensors
from tasks.data.text.token_arrays import EncodedCorpus
from tasks.data.text.vocabulary import Vocabulary
from tasks.experiment.model import Model
from tasks.models.replaced_tokens import detect
from tasks.objectives.rtd import WEIGHT, examples
from tests.objectives.test_mlm import MASK, VOCABULARY, corpus, windows
from tests.support.shapes import case

RTD = objectives.load("rtd")


def filled(lengths, length=12, seed=0, share=0.15):
    drawing = Drawing(length=length, masking_share=share, seed=seed)
    return examples(corpus(lengths), VOCABULARY, drawing)


def test_the_places_are_those_of_mlm_and_all_show_the_mask():
    lengths = [7, 1, 30, 12, 44, 5]
    found, plain = filled(lengths), windows(lengths)
    numbers, epochs = np.arange(len(found)), np.full(len(found), 3)
    drawn, expected = found.draw(numbers, epochs), plain.draw(numbers, epochs)
    for name in ("positions", "targets"):
        assert drawn[name].tolist() == expected[name].tolist()
    flat = drawn["input_ids"].reshape(-1)
    assert (flat[drawn["positions"]] == MASK).all()
    read = flat.copy()
    read[drawn["positions"]] = drawn["targets"]
    assert (drawn["judged"].reshape(-1) == VOCABULARY.ordinary[read]).all()
    assert not drawn["judged"][:, [0, -1]].any()


def test_what_a_token_is_drawn_by_is_a_function_of_seed_epoch_and_example():
    found = filled([50, 60, 70])
    together = found.draw(np.array([4, 1, 2]), np.array([0, 3, 3]))
    alone = found.draw(np.array([1]), np.array([3]))
    row = together["positions"] // 12 == 1
    assert together["chances"][row].tolist() == alone["chances"].tolist()
    others = [
        found.draw(np.array([1]), np.array([4])),
        filled([50, 60, 70], seed=1).draw(np.array([1]), np.array([3])),
    ]
    assert all(other["chances"].tolist() != alone["chances"].tolist() for other in others)
    many = filled([900], share=0.5)
    chances = many.draw(np.arange(len(many)), np.zeros(len(many), int))["chances"]
    assert chances.dtype == np.float32
    assert chances.min() >= 0 and chances.max() < 1
    assert np.histogram(chances, 10, (0, 1))[0] / len(chances) == pytest.approx(0.1, abs=0.05)


def test_a_corpus_that_fills_no_window_is_refused():
    with pytest.raises(StageError, match="the corpus has 8 tokens, fewer than the 10"):
        filled([8])


def both(given):
    """The losses in nats of generator and discriminator, computed densely from what was drawn."""
    batch = given.batch
    found = detect(given.model, batch)
    generator, labels = given.model.generator, torch.full_like(batch["input_ids"], -100)
    labels.view(-1)[batch["positions"]] = batch["targets"]
    dense = generator(input_ids=batch["input_ids"]).logits
    guessed = functional.cross_entropy(dense.flatten(0, 1), labels.flatten())
    logits = found.logits[batch["judged"]]
    replaced = found.replaced[batch["judged"]].float()
    return guessed, functional.binary_cross_entropy_with_logits(logits, replaced), found


def test_the_losses_are_in_nats_and_the_gradient_has_the_weight():
    given = case("electra rtd")
    found = given.loss(given.model, given.batch)
    found["loss"].backward()
    gradients = {name: part.grad.clone() for name, part in given.model.named_parameters()}
    given.model.zero_grad()
    guessed, detected, _ = both(given)
    torch.testing.assert_close(found["generator_loss"], guessed)
    torch.testing.assert_close(found["rtd_loss"], detected)
    torch.testing.assert_close(found["loss"], guessed + detected)
    (guessed + WEIGHT * detected).backward()
    for name, part in given.model.named_parameters():
        torch.testing.assert_close(gradients[name], part.grad, rtol=1e-4, atol=1e-6, msg=name)


def test_the_generator_learns_nothing_from_the_discriminator():
    given = case("electra rtd")
    _, detected, _ = both(given)
    detected.backward()
    own = {n: p for n, p in given.model.generator.named_parameters() if "embeddings." not in n}
    assert own
    assert all(part.grad is None for name, part in own.items() if "lm_head.weight" not in name)


def test_replaced_and_kept_tokens_are_measured_apart():
    given = case("electra rtd")
    with torch.no_grad():
        found = RTD.measure(given.model, given.batch)
        guessed, detected, seen = both(given)
    batch, said = given.batch, seen.logits > 0
    hidden = torch.zeros_like(batch["judged"])
    hidden.view(-1)[batch["positions"]] = True
    assert not seen.replaced[~hidden].any()
    number, replaced = int(batch["judged"].sum()), int(seen.replaced.sum())
    assert 0 < replaced <= len(batch["targets"])
    assert found["replaced_share"] == (replaced, number)
    assert found["replaced_accuracy"] == (int(said[seen.replaced].sum()), replaced)
    kept = batch["judged"] & ~seen.replaced
    assert found["kept_accuracy"] == (int((~said)[kept].sum()), number - replaced)
    loss, counted = found["validation_loss"]
    assert (counted, loss / counted) == (number, pytest.approx(float(detected), rel=1e-5))
    loss, counted = found["generator_loss"]
    assert (counted, loss / counted) == (
        len(batch["targets"]),
        pytest.approx(float(guessed), rel=1e-5),
    )


def test_the_reference_knows_the_share_of_replaced_tokens_alone():
    nothing = EncodedCorpus(np.zeros(0, np.uint16), np.zeros(1, int), np.zeros(1, int))
    for share in (0.0, 0.1, 0.5):
        found = RTD.derive({"replaced_share": share}, nothing, nothing, VOCABULARY)
        expected = -sum(p * math.log(p) for p in (share, 1 - share) if p)
        assert found["share_loss"] == pytest.approx(expected)
    assert RTD.REFERENCE[1] == "share_loss"


def test_it_learns_which_tokens_are_out_of_place():
    """A document has words of one of two kinds; this generator knows frequencies alone."""
    generator = np.random.default_rng(0)
    halves = generator.integers(0, 2, 60)
    tokens = np.concatenate(
        [generator.integers(5 + 20 * half, 25 + 20 * half, 50) for half in halves]
    )
    text = EncodedCorpus(tokens.astype(np.uint16), np.arange(61) * 50, np.arange(61))
    known = Vocabulary(size=90, cls=1, sep=2, pad=0, mask=3, ordinary=np.arange(90) >= 5)
    drawn = examples(text, known, Drawing(length=24, masking_share=0.15, seed=0))
    size = Model(family="electra", layers=1, hidden_size=32, heads=2, max_positions=24)
    model = case("electra rtd", size=size).model
    with torch.no_grad():  # which words are of one kind is known, as it is from co-occurrence
        kind = torch.randn(32, generator=torch.Generator().manual_seed(0)) / 32**0.5
        model.get_input_embeddings().weight[5:25] += kind
        model.get_input_embeddings().weight[25:45] -= kind
    RTD.begin(model, text, known)
    of_model = [part for name, part in model.named_parameters() if "generator." not in name]
    optimizer = torch.optim.AdamW(of_model, 1e-2)
    for epoch in range(10):
        for some in np.array_split(generator.permutation(len(drawn)), 8):
            batch = tensors(drawn.draw(some, np.full(len(some), epoch)))
            RTD.losses(model, batch)["loss"].backward()
            torch.nn.utils.clip_grad_norm_(of_model, 1.0)
            optimizer.step()
            optimizer.zero_grad()
    model.eval()
    batch = tensors(drawn.draw(np.arange(len(drawn)), np.full(len(drawn), 99)))
    with torch.no_grad():
        measured = {n: total / c for n, (total, c) in RTD.measure(model, batch).items()}
    assert measured["validation_loss"] < 0.8 * RTD.derive(measured, text, text, known)["share_loss"]
    assert measured["kept_accuracy"] > 0.95
    assert measured["replaced_accuracy"] > 0.25
