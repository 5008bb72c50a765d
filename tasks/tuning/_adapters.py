"""New weights beside the frozen ones of an encoder, by `peft`; after the training they are merged.

The layers of the encoder get them, never embeddings or an output that shares their weights: what is
added to one of two tied weights is lost in the other. Weight decay pulls new weights to the values
with which they change nothing.
"""

from __future__ import annotations

import hashlib
import json
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftConfig
from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils import parametrize
from transformers.pytorch_utils import Conv1D

from tasks.contract import StageError
from tasks.machinery.store.artifact import REBUILT
from tasks.machinery.store.fingerprint import digest
from tasks.models.depths import Depths
from tasks.models.files import read_weights
from tasks.tuning import Tuned

ADAPTER, BODY_FILE = "adapter", "body.json"
WEIGHTS = "adapter_model.safetensors"
REBUILDING = {"file": "model/model.safetensors", "reads": "body", "by": "tasks.tuning._merged"}
_BASE = ".base_layer."
NAME, PREFIX = "default", "base_model.model."  # as peft writes them


@dataclass
class Adapted(Tuned):
    """A model with new weights in its layers.

    Attributes:
        tuner: of peft; it knows the layers that it replaced.
        head: the names of the weights of the head.
    """

    tuner: Any = None
    head: frozenset[str] = frozenset()

    def write(self, out: Path, body: Path | None) -> None:
        """Write the adapter and the head to `out/adapter`, as peft does."""
        folder = out / ADAPTER
        folder.mkdir()
        for holder, name in _differences_in(self.model):
            parametrize.remove_parametrizations(holder, name)
        state = self.model.state_dict()
        new = (name for name in state if f".{self.tuner.prefix}" in name)
        added = {name.replace(f".{NAME}", ""): state[name] for name in new}
        added |= {name: state[name] for name in self.head}
        save_file(
            {PREFIX + name: tensor.contiguous().cpu() for name, tensor in added.items()},
            folder / WEIGHTS,
            metadata={"format": "pt"},
        )
        config = copy(self.tuner.peft_config[NAME])
        config.modules_to_save = _modules_of(self.head, self.model.base_model_prefix) or None
        config.inference_mode = True
        config.target_modules = sorted(config.target_modules)  # of many, peft makes a set
        config.save_pretrained(str(folder))
        if body is not None:
            text = json.dumps({"body": digest_of(body)})
            (folder / BODY_FILE).write_text(f"{text}\n", encoding="utf-8")
            named = REBUILDING | {"layers": self._layers_in(body)}
            (out / REBUILT).write_text(json.dumps(named, indent=1) + "\n", encoding="utf-8")

    def _layers_in(self, body: Path) -> dict[str, str]:
        """The names in the body's files of the weights of adapted layers, which are still those.

        They are found by content, since names in files and in memory differ with the family.
        """
        known = {content_of(tensor): name for name, tensor in in_fp32(body).items()}
        found = {}
        for name, tensor in self.model.state_dict().items():
            layer, _, weight = name.partition(_BASE)
            if weight and (of_body := known.get(content_of(tensor))):
                found[f"{layer}.{weight}"] = of_body
        return found

    def restore(self) -> None:
        """Merge the new weights into those of the layers: on a CPU, to be done again elsewhere."""
        self.model.cpu()
        self.tuner.merge_and_unload()


class Difference(nn.Module):
    """A weight as the value that it began with, and a difference from it that learns.

    So weight decay, which pulls what learns to 0, pulls the weight to where it began.

    Args:
        begun: the value, of any shape.
    """

    begun: Tensor

    def __init__(self, begun: Tensor) -> None:
        super().__init__()
        self.register_buffer("begun", begun.detach().clone(), persistent=False)

    def forward(self, difference: Tensor) -> Tensor:
        """The weight."""
        return self.begun + difference

    def right_inverse(self, weight: Tensor) -> Tensor:
        """The difference."""
        return weight - self.begun


def _differences_in(model: nn.Module) -> list[tuple[nn.Module, str]]:
    """The modules with a weight that learns as a difference, and the weight's name in each."""
    return [
        (module, name)
        for module in model.modules()
        if parametrize.is_parametrized(module)
        for name, parts in cast(Any, module.parametrizations).items()
        if isinstance(parts[0], Difference)
    ]


def adapt(model: Any, config: PeftConfig, seed: int, *, beginning: str = "") -> Tuned:
    """Add weights to all matrices and convolutions of a model's layers; they and the head learn.

    Args:
        model: of transformers.
        config: of peft, without the modules that are targets.
        seed: of the new weights.
        beginning: the part of a name by which those weights are known that change nothing with the
            values they begin with; others change nothing at 0.

    Raises:
        StageError: the layers have none.
    """
    head = Depths.of(model).head
    targets = targets_in(model)
    if not targets:
        raise StageError(f"the layers of a {model.config.model_type} have no matrices to adapt")
    config.target_modules = [*targets]
    if hasattr(config, "fan_in_fan_out"):
        config.fan_in_fan_out = any(isinstance(module, Conv1D) for module in targets.values())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        tuner = PEFT_TYPE_TO_TUNER_MAPPING[config.peft_type](model, {NAME: config}, NAME)
    for name, part in model.named_parameters():
        if name in head:
            part.requires_grad_(requires_grad=True)
    begun = [name for name, _ in model.named_parameters() if beginning and beginning in name]
    for place, _, name in (each.rpartition(".") for each in begun):
        holder = model.get_submodule(place)
        parametrize.register_parametrization(holder, name, Difference(getattr(holder, name)))
    return Adapted(model, tuner=tuner, head=head)


def targets_in(model: Any) -> dict[str, nn.Module]:
    """The matrices and convolutions of the layers, by name; depthwise convolutions have none."""
    weights = frozenset[str]().union(*Depths.of(model).layers)
    return {
        name: module
        for name, module in model.named_modules()
        if f"{name}.weight" in weights
        and (
            isinstance(module, nn.Linear | Conv1D)
            or (isinstance(module, nn.Conv2d) and module.groups == 1)
        )
    }


def _modules_of(head: frozenset[str], prefix: str) -> list[str]:
    """The modules of a head, by their names: `classifier`, and the pooler of an encoder."""
    parts = (name.split(".") for name in head)
    return sorted({".".join(p[:2]) if p[0] == prefix else p[0] for p in parts})


def in_fp32(folder: Path) -> dict[str, Tensor]:
    """The weights in the files of a model, in fp32."""
    found = read_weights(folder)
    return {name: t.float() if t.is_floating_point() else t for name, t in found.items()}


def content_of(tensor: Tensor) -> str:
    """The digest of a tensor: equal for the same numbers in the same shape alone."""
    plain = tensor.detach().cpu().contiguous()
    numbers = hashlib.sha256(plain.view(-1).view(torch.uint8).numpy().tobytes())
    return f"{tuple(plain.shape)} {plain.dtype} {numbers.hexdigest()}"


def digest_of(folder: Path) -> str:
    """The digest of the files in a folder by name and content, as that of an input of a stage."""
    found = {}
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                content = hashlib.file_digest(opened, "sha256").hexdigest()
            found[file.relative_to(folder).as_posix()] = content
    return digest(found)
