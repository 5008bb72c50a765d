"""The random weights that a pre-training starts from."""

import pytest
import torch
from torch import nn

from tasks import families, objectives
from tasks.experiment.model import Model
from tasks.timing.synthetic import MadeUpTokenizer
from tests.support.shapes import DECODERS


def made(seed=0, **fields):
    size = Model(layers=2, hidden_size=64, heads=2, max_positions=64, **fields)
    family = families.load(size.family)
    objective = "clm" if "next tokens" in family.HEADS else "mlm"
    return objectives.load(objective).new_model(
        family.configure(size, MadeUpTokenizer(500), 0.0), seed
    )


def deviations(model, kind):
    return [
        module.weight.std().item()
        for name, module in model.named_modules()
        if isinstance(module, kind) and "decoder" not in name and module.weight.shape[0] > 2
    ]


@pytest.mark.parametrize("fields", [{}, {"initializer_range": 0.1}, {"family": "roberta"}])
def test_layers_begin_with_the_deviation_asked_for_and_embeddings_with_that_of_bert(fields):
    model = made(**fields)
    expected = fields.get("initializer_range", 0.02)
    assert deviations(model, nn.Linear) == pytest.approx([expected] * 13, rel=0.05)
    assert deviations(model, nn.Embedding) == pytest.approx([0.02, 0.02], rel=0.05)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight


@pytest.mark.parametrize("family", DECODERS)
def test_a_decoder_begins_with_embeddings_of_that_deviation_which_its_output_shares(family):
    model = made(family=family, initializer_range=0.1)
    embeddings = deviations(model, nn.Embedding)
    assert embeddings == pytest.approx([0.02] * len(embeddings), rel=0.05)
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert model.get_output_embeddings().bias is None


def test_the_seed_alone_decides_the_weights():
    torch.manual_seed(1)
    one = made(seed=3).state_dict()
    torch.manual_seed(2)
    same, other = made(seed=3).state_dict(), made(seed=4).state_dict()
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)
