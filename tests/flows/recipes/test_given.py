"""What a recipe knows of the layers of a given model from its configuration alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from flows.recipes.given import layers_of, require_layers
from tasks import families
from tasks.contract import StageError
from tasks.experiment.problem import Downstream
from tasks.experiment.training import TuningMethod
from tasks.models.depths import Depths
from tests.support.shapes import DECODERS, case


@pytest.mark.parametrize("family", families.names())
def test_the_layers_of_every_family_are_read_from_its_configuration(family: str) -> None:
    model = case(f"{family} {'clm' if family in DECODERS else 'mlm'}").model
    found = layers_of(model.config.to_dict(), "mine")
    layers = Depths.of(model).layers
    assert (found.count, found.width) == (len(layers), 16)
    biases = any(name.endswith("bias") for layer in layers for name in layer)
    assert biases != ("no biases" in found.words)


def refuse(configuration: dict[str, object], method: str, **fields: int) -> None:
    problem = Downstream(name="a", tuning=TuningMethod(method=method, **fields))
    require_layers([problem], SimpleNamespace(configuration=configuration, name="hf:mine"))


def test_methods_that_a_given_model_cannot_have_are_refused() -> None:
    bert = {"model_type": "bert", "num_hidden_layers": 12, "hidden_size": 768}
    refuse(bert, "gradual", layers=12)
    with pytest.raises(StageError, match=r"downstream.a.tuning.layers: found 99.*0 \(all\) to 12"):
        refuse(bert, "gradual", layers=99)
    with pytest.raises(StageError, match=r"tuning.rank: found 769.*accepted: 1 to 768"):
        refuse(bert, "lora", rank=769)
    llama = {"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64}
    with pytest.raises(StageError, match=r"found bias, but the layers of hf:mine have no biases"):
        refuse(llama, "bias")
    refuse(llama | {"attention_bias": True}, "bias")
