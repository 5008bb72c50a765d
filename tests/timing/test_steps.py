"""Costs of steps on made-up tokens, and what a whole training takes."""

import pytest

from tasks.experiment.model import Model
from tasks.experiment.pretraining import Pretraining
from tasks.experiment.problem import FineTuning
from tasks.experiment.training import TuningMethod
from tasks.timing.steps import Cost, time_finetuning, time_pretraining
from tasks.timing.synthetic import MadeUpTokenizer, made_up_corpus

MODEL = Model(layers=1, hidden_size=16, heads=2, max_positions=32)


@pytest.mark.parametrize("objective", ["mlm", "mlm+nsp"])
def test_a_step_of_pretraining_is_timed_without_data(objective):
    pretraining = Pretraining(objective=objective, batch_size=4, sequence_length=24)
    cost = time_pretraining(MODEL, pretraining, vocabulary=80)
    assert cost.step > 0
    assert cost.row > 0


@pytest.mark.parametrize("problem", ["text-classification", "token-classification"])
def test_a_step_of_finetuning_is_timed_without_data(problem):
    training = FineTuning(batch_size=4, max_length=24)
    cost = time_finetuning(problem, MODEL, training, 80, lengths=[5, 9, 24])
    assert cost.step > 0
    assert cost.row > 0


def test_a_probe_reads_each_example_once_and_its_steps_cost_less():
    wide = Model(layers=4, hidden_size=64, heads=2, max_positions=128)
    training = FineTuning(batch_size=4, max_length=128)
    lengths = [128] * 4
    full, probe = (
        time_finetuning(
            "text-classification",
            wide,
            training.model_copy(update={"tuning": TuningMethod(method=method)}),
            80,
            lengths,
        )
        for method in ("full", "probe")
    )
    assert full.once == 0 < probe.once
    assert probe.step < full.step  # a matrix of the head against four layers
    probed = training.model_copy(update={"tuning": TuningMethod(method="probe")})
    crowded = time_finetuning("text-classification", wide, probed, 80, lengths, number=10**12)
    assert crowded.once == 0, "without room for the features of all, none are kept"
    cost = Cost(step=2.0, row=0.5, once=0.1)
    usual = FineTuning(epochs=3, batch_size=10)
    assert cost.of_finetuning(usual, 95, 20) == 2 * 30 + 0.5 * 3 * 20 + 0.1 * (95 + 20)


def test_longer_sequences_cost_more():
    size = {"batch_size": 16, "objective": "mlm", "dropout": 0.0}
    short = time_pretraining(MODEL, Pretraining(sequence_length=16, **size), 80)
    wide = Model(layers=2, hidden_size=128, heads=2, max_positions=512)
    long = time_pretraining(wide, Pretraining(sequence_length=256, **size), 80)
    assert long.step > 3 * short.step  # hundreds of times the arithmetic


def test_a_training_is_its_steps_and_its_validations():
    cost = Cost(step=2.0, row=0.5)
    pretraining = Pretraining(steps=100, validation_sequences=40)
    assert cost.of_pretraining(pretraining) == 200 + 0.5 * (10 * 40 + 40)
    bounded = pretraining.model_copy(update={"minutes": 1.0})
    assert cost.of_pretraining(bounded) == 60 + 0.5 * (10 * 40 + 40)
    assert cost.of_pretraining(pretraining, begun=75) == 50 + 0.5 * (10 * 10 + 40)
    assert cost.of_pretraining(bounded, begun=15) == 30 + 0.5 * (5 * 40 + 40)
    assert cost.of_pretraining(bounded, begun=90) == 0.5 * 40  # they were slower than measured now
    training = FineTuning(epochs=3, batch_size=10)
    assert cost.of_finetuning(training, 95, 20) == 2 * 30 + 0.5 * 3 * 20


def test_a_made_up_corpus_has_two_documents_and_only_ordinary_tokens():
    vocabulary = MadeUpTokenizer(50).vocabulary()
    corpus = made_up_corpus(10, vocabulary)
    assert len(corpus.documents) - 1 == 2
    assert corpus.sentences[-1] == len(corpus.tokens) == 400
    assert vocabulary.ordinary[corpus.tokens].all()
