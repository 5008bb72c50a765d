"""Gradient checkpointing: the same gradients to the bit, of every family that does it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tasks import families
from tasks.contract import Silent, StageError
from tasks.experiment import choices
from tasks.experiment.images.problem import ImageTuning
from tasks.experiment.pretraining import Checkpoints
from tasks.experiment.problem import FineTuning
from tasks.stages.finetuning import finetune
from tasks.stages.images.finetuning import finetune_on_images
from tasks.training.kernels.dropout import quick_dropout
from tasks.training.kernels.recomputing import recomputed
from tasks.training.memory import of_recomputed
from tests.stages.images.test_image_pretraining import Dying, KilledError
from tests.support.shapes import case
from tests.support.tiny_models import write_body, write_data
from tests.support.tiny_pixels import write_image_body, write_pixels

NATURAL = {"electra": "rtd", "gpt2": "clm", "llama": "clm"}


def gradients(kind: str, *, recompute: bool) -> tuple[dict[str, torch.Tensor], int]:
    """The gradients of a batch, with dropout; and how often parts of layers were called."""
    given, calls = case(kind, dropout=0.1), []
    model = given.model.train()
    for name, part in model.named_modules():
        if name.rpartition(".")[0].rpartition(".")[2].isdecimal():  # a part of a layer
            part.register_forward_pre_hook(lambda *_: calls.append(1))
    torch.manual_seed(3)
    with quick_dropout(model):
        if recompute:
            with recomputed(model):
                given.loss(model, given.batch)["loss"].backward()
        else:
            given.loss(model, given.batch)["loss"].backward()
    found = {name: part.grad for name, part in model.named_parameters() if part.grad is not None}
    return found, len(calls)


@pytest.mark.parametrize("family", families.names())
def test_gradients_are_the_same_to_the_bit_and_layers_are_called_twice(family: str) -> None:
    kind = f"{family} {NATURAL.get(family, 'mlm')}"
    if "no checkpointing" in choices.words_of("families", family, "_LAYERS"):
        with pytest.raises(StageError, match=r"gradient_checkpointing: found true, but the layers"):
            gradients(kind, recompute=True)
        return
    plain, once = gradients(kind, recompute=False)
    again, twice = gradients(kind, recompute=True)
    assert once > 0
    assert twice > once
    assert plain.keys() == again.keys()
    assert all(torch.equal(plain[name], again[name]) for name in plain)


HOW = {"gradient_checkpointing": True, "batch_size": 16, "epochs": 2, "dropout": 0.1}


def test_a_fine_tuning_ends_with_the_same_bits_also_when_it_is_killed(tmp_path: Path) -> None:
    data, body = write_data(tmp_path / "data", "text-classification"), write_body(tmp_path / "body")

    def tune(name: str, monitor: Silent | None = None, **changes: object) -> dict[str, float]:
        (tmp_path / name).mkdir()
        training = FineTuning(**HOW | {"max_length": 32, "precision": "fp32"} | changes)
        return finetune(
            "text-classification",
            training,
            0,
            data=data,
            body=body,
            architecture=body,
            out=tmp_path / name,
            monitor=monitor or Silent(),
            checkpoints=Checkpoints(every_steps=2),
        )

    plain, again = tune("plain", gradient_checkpointing=False), tune("again")
    with pytest.raises(KilledError):
        tune("killed", Dying(tmp_path / "checkpoints", step=5))
    resumed = tune("resumed", Silent(tmp_path / "checkpoints"))
    assert plain == again == resumed
    first, *others = (
        load_file(tmp_path / name / "model" / "model.safetensors")
        for name in ("plain", "again", "resumed")
    )
    for weights in others:
        assert all(torch.equal(first[name], weights[name]) for name in first)


def test_a_fine_tuning_of_pictures_ends_with_the_same_bits(tmp_path: Path) -> None:
    pixels, body = write_pixels(tmp_path / "pixels"), write_image_body(tmp_path / "vit", "vit")
    found = []
    for recompute in (False, True):
        out = tmp_path / f"{recompute}"
        out.mkdir()
        training = ImageTuning(**HOW | {"gradient_checkpointing": recompute, "precision": "fp32"})
        arguments = {"data": pixels, "body": body, "architecture": body, "out": out}
        metrics = finetune_on_images(
            "image-classification", training, 0, **arguments, monitor=Silent()
        )
        found.append((metrics, load_file(out / "model" / "model.safetensors")))
    (plain, first), (again, second) = found
    assert plain == again
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_row_takes_about_one_layer_and_what_enters_the_others() -> None:
    layers, width, length = 12, 768, 512
    around, of_layer = 3 * length * width * 4, 10**8
    row = layers * of_layer + around
    assert of_recomputed(row, layers, width, length) == of_layer + (layers + 3) * length * width * 4
