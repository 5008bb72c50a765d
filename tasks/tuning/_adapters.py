"""New weights beside the frozen ones of a body, by `peft`; after the training they are merged.

The layers of the body get them, never embeddings or an output that shares their weights: what is
added to one of two tied weights is lost in the other. Norms keep their statistics, so that the body
and the adapter together are the model that was trained.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from peft import PeftConfig
from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING
from safetensors.torch import save_file
from torch import nn
from transformers.pytorch_utils import Conv1D

from tasks.contract import StageError
from tasks.machinery.store.fingerprint import digest
from tasks.models.depths import Depths, hold_in_evaluation, release
from tasks.tuning import Tuned

ADAPTER, BODY_FILE = "adapter", "body.json"
_NAME, _PREFIX = "default", "base_model.model."  # as peft writes them


@dataclass
class Adapted(Tuned):
    """A model with new weights in its layers.

    Attributes:
        tuner: of peft; it knows the layers that it replaced.
        norms: batch norms that keep their statistics.
        head: the names of the weights of the head.
    """

    tuner: Any = None
    norms: Sequence[nn.Module] = field(default_factory=list)
    head: frozenset[str] = frozenset()

    def finish(self, out: Path, body: Path | None) -> None:
        """Write the adapter and the head to `out/adapter`, as peft does; merge the new weights."""
        folder = out / ADAPTER
        folder.mkdir()
        state = self.model.state_dict()
        new = (name for name in state if f".{self.tuner.prefix}" in name)
        added = {name.replace(f".{_NAME}", ""): state[name] for name in new}
        added |= {name: state[name] for name in self.head}
        save_file(
            {_PREFIX + name: tensor.contiguous().cpu() for name, tensor in added.items()},
            folder / "adapter_model.safetensors",
            metadata={"format": "pt"},
        )
        config = copy(self.tuner.peft_config[_NAME])
        config.modules_to_save = _modules_of(self.head, self.model.base_model_prefix) or None
        config.inference_mode = True
        config.save_pretrained(str(folder))
        if body is not None:
            text = json.dumps({"body": digest_of(body)})
            (folder / BODY_FILE).write_text(f"{text}\n", encoding="utf-8")
        self.tuner.merge_and_unload()
        for norm in self.norms:
            release(norm)


def adapt(model: Any, config: PeftConfig, seed: int) -> Tuned:
    """Add weights to all matrices and convolutions of a model's layers; they and the head learn.

    Args:
        model: of transformers.
        config: of peft, without the modules that are targets.
        seed: of the new weights.

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
        tuner = PEFT_TYPE_TO_TUNER_MAPPING[config.peft_type](model, {_NAME: config}, _NAME)
    for name, part in model.named_parameters():
        if name in head:
            part.requires_grad_(requires_grad=True)
    norms = [m for m in model.base_model.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        hold_in_evaluation(norm)
    return Adapted(model, tuner=tuner, norms=norms, head=head)


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
    """The modules of a head, by their names: `classifier`, and the pooler of a body."""
    parts = (name.split(".") for name in head)
    return sorted({".".join(p[:2]) if p[0] == prefix else p[0] for p in parts})


def digest_of(folder: Path) -> str:
    """The digest of the files in a folder by name and content, as that of an input of a stage."""
    found = {}
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb") as opened:
                content = hashlib.file_digest(opened, "sha256").hexdigest()
            found[file.relative_to(folder).as_posix()] = content
    return digest(found)
