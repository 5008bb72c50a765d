"""The plain model of an adapter is computed again to the bit, in every family."""

import json

import pytest
import torch
from safetensors.torch import load_file

from tasks.machinery.store import rebuilding
from tasks.machinery.store.artifact import REBUILT
from tasks.models.depths import Depths
from tasks.tuning import begin
from tasks.tuning._merged import MODEL, REST
from tests.tuning.test_methods import ADAPTERS, EVERY, moved, tuning

QUICK = {("lora", "bert"), ("lora", "gpt2"), ("dora", "resnet"), ("ia3", "vit")}  # kinds of layers
CASES = [(method, family) for method in ADAPTERS for family in EVERY]


@pytest.mark.parametrize(
    ("method", "family"),
    [pytest.param(*each, marks=() if each in QUICK else pytest.mark.slow) for each in CASES],
)
def test_body_and_adapter_give_the_merged_model_to_the_bit(method, family, tmp_path):
    model, _ = EVERY[family](family)
    body, out = tmp_path / "body", tmp_path / "out"
    model.base_model.save_pretrained(body)  # without the head, whose names have a prefix more
    out.mkdir()
    head = Depths.of(model).head
    tuned = begin(model, tuning(method), seed=0)
    moved(model)
    tuned.finish(out, body)
    with torch.no_grad():  # as a regression does, which answers in its unit from then on
        last = [name for name, _ in model.named_parameters() if name in head][-1]
        model.get_parameter(last).mul_(3)
    model.save_pretrained(out / "model")
    expected = (out / MODEL).read_bytes()
    rebuilding.keep(out, body)
    assert last in load_file(out / REST)
    assert load_file(out / REST).keys() <= head
    (out / MODEL).unlink()
    by = json.loads((out / REBUILT).read_text())["by"]
    __import__(by, fromlist=["rebuild"]).rebuild(out, body, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == expected
