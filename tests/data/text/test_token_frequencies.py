"""What a model knows of its vocabulary before it has read anything."""

import numpy as np
import pytest
import torch

from tasks import families, objectives
from tasks.data.text.token_arrays import EncodedCorpus
from tasks.data.text.token_frequencies import begin_with, frequencies, unigram_loss
from tasks.experiment.model import Model
from tasks.timing.synthetic import MadeUpTokenizer

TOKENIZER = MadeUpTokenizer(10)
COUNTS = [0, 0, 0, 0, 50, 25, 12, 6, 3, 0]  # the last entry never occurs


def corpus(counts=COUNTS):
    tokens = np.repeat(np.arange(len(counts)), counts).astype(np.uint32)
    ends = np.array([0, len(tokens)])
    return EncodedCorpus(tokens, ends, np.array([0, 1]))


def test_shares_are_those_of_the_corpus_as_if_each_entry_came_once_more():
    shares = frequencies(corpus(), TOKENIZER.vocabulary())
    assert shares.sum() == pytest.approx(1)
    assert shares * 106 == pytest.approx(np.array(COUNTS) + 1)


def test_counting_in_pieces_changes_nothing(monkeypatch):
    expected = frequencies(corpus(), TOKENIZER.vocabulary())
    monkeypatch.setattr("tasks.data.text.token_frequencies.AT_ONCE", 7)
    assert frequencies(corpus(), TOKENIZER.vocabulary()).tolist() == expected.tolist()


def test_special_tokens_are_not_counted():
    unknown = [0, 1000, 0, 0, 50, 25, 12, 6, 3, 0]
    expected = frequencies(corpus(), TOKENIZER.vocabulary())
    assert frequencies(corpus(unknown), TOKENIZER.vocabulary()).tolist() == expected.tolist()


def test_the_unigram_loss_is_the_mean_surprise_of_held_out_tokens():
    vocabulary = TOKENIZER.vocabulary()
    known = frequencies(corpus(), vocabulary)
    held_out = corpus([5, 0, 0, 0, 2, 1, 0, 0, 0, 1])
    expected = -(2 * np.log(51 / 106) + np.log(26 / 106) + np.log(1 / 106)) / 4
    assert unigram_loss(held_out, known, vocabulary) == pytest.approx(expected)


FAMILIES = [("bert", "mlm"), ("bert", "mlm+nsp"), ("roberta", "mlm")]


def new_model_of(family, objective):
    size = Model(family=family, layers=1, hidden_size=16, heads=2, max_positions=16)
    config = families.load(family).configure(size, TOKENIZER, 0.0)
    return objectives.load(objective).new_model(config, seed=0).eval()


def guesses(model):
    """The probabilities of a masked token."""
    with torch.no_grad():
        found = model(input_ids=torch.tensor([[1, 3, 5, 2]]))
    logits = found.logits if "logits" in found else found.prediction_logits
    return logits[0, 1].softmax(-1).tolist()


@pytest.mark.parametrize(("family", "objective"), FAMILIES)
def test_an_untrained_model_guesses_by_frequency(family, objective, tmp_path):
    model = new_model_of(family, objective)
    known = frequencies(corpus(), TOKENIZER.vocabulary())
    begin_with(known, model)
    torch.nn.init.zeros_(model.get_output_embeddings().weight)
    assert guesses(model) == pytest.approx(known.tolist(), abs=1e-6)
    model.save_pretrained(tmp_path)
    assert guesses(type(model).from_pretrained(tmp_path)) == guesses(model)
