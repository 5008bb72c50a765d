"""Next tokens: every token of the ring once, and a loss without ever holding all logits."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from tasks import objectives
from tasks.contract import StageError
from tasks.data.text.drawing import Drawing
from tasks.data.text.token_arrays import EncodedCorpus, load_tokenizer
from tasks.data.text.vocabulary import Vocabulary
from tasks.objectives.clm import examples
from tasks.training.kernels import linear_cross_entropy
from tests.objectives.test_mlm import VOCABULARY, corpus, ring
from tests.support.shapes import DECODERS, case
from tests.support.shapes import VOCABULARY as SIZE
from tests.support.small_corpus import documents, encode

CLM = objectives.load("clm")


def passages(lengths, length=12, seed=0):
    drawing = Drawing(length=length, masking_share=0.15, seed=seed)
    return examples(corpus(lengths), VOCABULARY, drawing)


@pytest.mark.parametrize("epoch", [0, 1, 17])
def test_an_epoch_predicts_the_tokens_of_the_ring_once(epoch):
    lengths = [7, 1, 30, 12, 44, 5]
    found, whole = passages(lengths), ring(lengths)
    drawn = found.draw(np.arange(len(found)), np.full(len(found), epoch))
    read, predicted = (drawn[name].reshape(-1).tolist() for name in ("input_ids", "targets"))
    assert len(read) == len(whole) // 12 * 12
    thrice = whole * 3
    begin = next(start for start in range(12) if thrice[start : start + len(read)] == read)
    assert thrice[begin + 1 : begin + 1 + len(read)] == predicted


def test_epochs_cut_at_different_offsets():
    found = passages([50, 60, 70])
    firsts = {
        int(found.draw(np.array([0]), np.array([epoch]))["input_ids"][0, 0]) for epoch in range(20)
    }
    assert len(firsts) > 4


def test_an_example_is_a_function_of_its_number_and_epoch():
    found = passages([50, 60, 70])
    together = found.draw(np.array([4, 1, 2, 4]), np.array([0, 3, 3, 1]))
    alone = found.draw(np.array([1]), np.array([3]))
    assert all((together[name][1] == alone[name][0]).all() for name in alone)


def test_a_corpus_that_fills_no_window_is_refused():
    with pytest.raises(StageError, match="the corpus has 8 tokens, fewer than the 12"):
        passages([8])


def dense(given):
    logits = given.model(input_ids=given.batch["input_ids"]).logits
    return logits.reshape(-1, SIZE), given.batch["targets"].reshape(-1)


@pytest.mark.parametrize("tokens", [7, 1024])
@pytest.mark.parametrize("family", DECODERS)
def test_loss_and_gradients_are_those_of_the_dense_head(family, tokens, monkeypatch):
    monkeypatch.setattr(linear_cross_entropy, "TOKENS", tokens)
    given = case(f"{family} clm")
    found = given.loss(given.model, given.batch)["loss"]
    found.backward()
    gradients = {name: part.grad.clone() for name, part in given.model.named_parameters()}
    given.model.zero_grad()
    expected = functional.cross_entropy(*dense(given))
    expected.backward()
    torch.testing.assert_close(found, expected)
    for name, part in given.model.named_parameters():
        torch.testing.assert_close(gradients[name], part.grad, msg=name)


@pytest.mark.parametrize("family", DECODERS)
def test_in_bf16_it_is_nearly_the_same(family):
    gradients, losses = [], []
    for bf16 in (False, True):
        given = case(f"{family} clm")
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = given.loss(given.model, given.batch)["loss"]
        assert loss.dtype == torch.float32
        loss.backward()
        losses.append(float(loss.detach()))
        gradients.append(torch.cat([part.grad.flatten() for part in given.model.parameters()]))
    assert losses[1] == pytest.approx(losses[0], rel=1e-2)
    assert torch.cosine_similarity(*gradients, dim=0) > 0.999


class Largest(TorchDispatchMode):
    """The rows of the largest table over the vocabulary that any operation gives."""

    def __init__(self):
        super().__init__()
        self.rows = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        if isinstance(found, torch.Tensor) and found.shape[-1:] == (SIZE,):
            self.rows = max(self.rows, found.numel() // SIZE)
        return found


@pytest.mark.parametrize("family", DECODERS)
def test_no_more_logits_than_those_of_a_part_are_held(family, monkeypatch):
    monkeypatch.setattr(linear_cross_entropy, "TOKENS", 32)
    given = case(f"{family} clm")
    with Largest() as seen:
        given.loss(given.model, given.batch)["loss"].backward()
        CLM.measure(given.model, given.batch)
    assert seen.rows == 32
    assert given.batch["targets"].numel() == 240
    [(held, _, _)] = CLM.held(given.model.config, given.batch)
    assert held == 32


@pytest.mark.parametrize("family", DECODERS)
def test_it_is_measured_as_the_dense_model_predicts(family, monkeypatch):
    monkeypatch.setattr(linear_cross_entropy, "TOKENS", 50)
    given = case(f"{family} clm")
    with torch.no_grad():
        logits, targets = dense(given)
        found = CLM.measure(given.model, given.batch)
        again, _ = dense(given)
    assert torch.equal(logits, again), "the head is as it was"
    total, tokens = found["validation_loss"]
    right, _ = found["next_token_accuracy"]
    assert tokens == len(targets) == 240
    assert total / tokens == pytest.approx(float(functional.cross_entropy(logits, targets)))
    assert right == int((logits.argmax(-1) == targets).sum())


@pytest.mark.parametrize("family", DECODERS)
def test_a_token_is_predicted_from_those_before_it_alone(family):
    given = case(f"{family} clm")
    ids = given.batch["input_ids"].clone()
    with torch.no_grad():
        before = given.model(input_ids=ids).logits
        ids[:, 12:] = (ids[:, 12:] + 1) % SIZE
        after = given.model(input_ids=ids).logits
    torch.testing.assert_close(before[:, :12], after[:, :12])
    assert not torch.allclose(before[:, 12:], after[:, 12:])


def test_the_loss_by_frequency_is_that_of_all_tokens_of_the_ring():
    text = EncodedCorpus(
        np.array([5, 5, 1, 6], np.uint16), np.array([0, 3, 4]), np.array([0, 1, 2]), text_bytes=9
    )
    known = Vocabulary(8, cls=2, sep=3, pad=0, mask=4, ordinary=np.arange(8) >= 5)
    counts = np.array([0, 1, 0, 2, 0, 2, 1, 0])  # the unknown token, and two separators
    expected = -(counts * np.log((counts + 1) / (counts + 1).sum())).sum() / counts.sum()
    found = CLM.derive({"validation_loss": 2.0}, text, text, known)
    assert found["unigram_loss"] == pytest.approx(expected)
    assert found["bits_per_byte"] == pytest.approx(2 / math.log(2) * 6 / 9)
    assert found["perplexity"] == pytest.approx(math.exp(2))


def test_bits_per_byte_count_the_bytes_of_the_text_whatever_its_tokens(tmp_path):
    texts = [*documents(30), "Größe:  naïve\ncafés. Another sentence.\n\nThe matrix holds values."]
    written = [
        "Größe: naïve cafés. Another sentence. The matrix holds values.",
        *documents(3),
    ]
    expected = sum(len(text.encode()) + 1 for text in written)
    bits = []
    for algorithm, size in (("wordpiece", 200), ("bpe", 400)):
        folder = encode(
            tmp_path / algorithm,
            texts,
            [texts[-1], *documents(3)],
            algorithm=algorithm,
            vocab_size=size,
        )
        held_out = EncodedCorpus.open(folder / "tokens", "validation")
        assert held_out.text_bytes == expected
        vocabulary = Vocabulary.of(load_tokenizer(folder / "tokenizer"))
        # A model for which the whole text costs 1,000 nats, whatever its tokens are.
        loss = 1000 / (len(held_out.tokens) + 4)
        found = CLM.derive({"validation_loss": loss}, held_out, held_out, vocabulary)
        bits.append(found["bits_per_byte"])
    assert bits[0] == pytest.approx(bits[1])
    assert bits[0] == pytest.approx(1000 / math.log(2) / expected)
