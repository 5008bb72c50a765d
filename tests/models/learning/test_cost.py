"""What a fine-tuning keeps in the size of the weights that learn."""

import pytest

from tasks.experiment.problem import FineTuning
from tasks.experiment.training import TuningMethod
from tasks.models.learning.cost import Costs, further_copies
from tasks.tuning import begin
from tests.support.shapes import case


@pytest.mark.parametrize(
    ("method", "fields", "copies"),
    [
        ("full", {}, 0),
        ("full", {"averaging": 0.9}, 2),
        ("full", {"averaging": 0.9, "early_stopping": 2}, 3),
        ("probe", {}, -2),  # the weights, and less than one copy
        ("bias", {"averaging": 0.9, "early_stopping": 2}, -2),
    ],
)
def test_gradients_and_moments_are_kept_of_what_learns_alone(method, fields, copies):
    training = FineTuning(tuning=TuningMethod(method=method), **fields)
    model = case("bert text-classification").model
    begin(model, training, seed=0)
    assert further_copies(model, training) == copies


def test_the_share_is_that_of_the_plain_model(tmp_path):
    model = case("bert text-classification").model
    tuned = begin(model, FineTuning(tuning=TuningMethod(method="lora")), seed=0)
    costs = Costs.of(model)
    tuned.finish(tmp_path, None)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"12345")
    found = costs.of_files(tmp_path)
    every = sum(part.numel() for part in case("bert text-classification").model.parameters())
    assert found["trained_share"] * every == pytest.approx(found["trained_parameters"])
    assert found["model_bytes"] == 5
    assert found["adapter_bytes"] > 4 * 0.5 * found["trained_parameters"]
