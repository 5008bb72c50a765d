"""The plain model of an adapter, computed again to the bit: body, adapter, and what else differs.

`peft` merges each adapted layer by itself, so that layers with the weights of the body are all that
is built. Whatever that does not give, such as the head of a regression, which answers in the unit
of the rows only after the training, is kept in `rest.safetensors`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftConfig
from peft.mapping import PEFT_TYPE_TO_TUNER_MAPPING
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from tasks.machinery.store.artifact import REBUILT
from tasks.tuning._adapters import ADAPTER, NAME, PREFIX, WEIGHTS, content_of, in_fp32

MODEL, REST = "model/model.safetensors", "rest.safetensors"


def keep(output: Path, source: Path) -> None:
    """Write to the rest what body and adapter do not give: see `Rebuilder.keep`.

    Its metadata say which weights are those of the body or the merged ones, and under which names.
    """
    given, rest = _given(output, source), dict[str, Tensor]()
    known = {content_of(tensor): name for name, tensor in given.items()}
    same = dict[str, str]()
    for name, tensor in load_file(output / MODEL).items():
        if (other := known.get(content_of(tensor))) is None:
            rest[name] = tensor
        else:
            same[name] = other
    save_file(rest, output / REST, metadata={name: same[name] for name in sorted(same)})


def rebuild(output: Path, source: Path, file: Path) -> None:
    """Write the weights of the plain model: see `Rebuilder.rebuild`."""
    given = _given(output, source)
    with safe_open(output / REST, "pt") as opened:
        same = opened.metadata() or {}
    whole = load_file(output / REST) | {name: given[other] for name, other in same.items()}
    apart = {
        name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in whole.items()
    }
    save_file(apart, file, metadata={"format": "pt"})


def _given(output: Path, source: Path) -> dict[str, Tensor]:
    """The weights of the body, and those of the adapter: merged layers and the head."""
    body, names = in_fp32(source), json.loads((output / REBUILT).read_text("utf-8"))["layers"]
    merged = _merged(output / ADAPTER, {name: body[other] for name, other in names.items()})
    return {f"body {name}": t for name, t in body.items()} | merged


def _merged(folder: Path, begun: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights of the adapted layers, merged, and those of the head, by their names.

    Args:
        folder: of the adapter.
        begun: the weights of the layers before, by their names.
    """
    config: Any = PeftConfig.from_pretrained(str(folder))
    stored = {n.removeprefix(PREFIX): tensor for n, tensor in load_file(folder / WEIGHTS).items()}
    kind: Any = PEFT_TYPE_TO_TUNER_MAPPING[config.peft_type]
    mark = f".{kind.prefix}"
    head = {name: tensor for name, tensor in stored.items() if mark not in name}
    layers, names = nn.Module(), sorted({n.partition(mark)[0] for n in stored if mark in n})
    names = [name for name in names if f"{name}.weight" in begun]
    if not names:  # the body has other weights for all of them, such as in half precision
        return head
    for name in names:
        parts = {part: begun.get(f"{name}.{part}") for part in ("weight", "bias")}
        _place(layers, name, _layer(parts, transposed=config.fan_in_fan_out))
    config.target_modules, config.modules_to_save = names, None
    tuner = kind(layers, {NAME: config}, NAME)
    own = {name: name.replace(f".{NAME}", "") for name in layers.state_dict() if mark in name}
    layers.load_state_dict({n: stored[plain] for n, plain in own.items()}, strict=False)
    return head | dict(tuner.merge_and_unload().state_dict())


def _layer(parts: Mapping[str, Tensor | None], *, transposed: bool) -> nn.Module:
    """A layer with the weights of the body; its stride and padding do not matter to a merge."""
    weight, bias = parts["weight"], parts["bias"]
    assert weight is not None
    layer: Any
    if weight.ndim == 4:
        high, wide, tall, broad = weight.shape
        layer = nn.Conv2d(wide, high, (tall, broad), bias=bias is not None)
        layer.to(memory_format=torch.channels_last)  # as pictures are learnt
    elif transposed:
        layer = Conv1D(weight.shape[1], weight.shape[0])
    else:
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.load_state_dict({name: t for name, t in parts.items() if t is not None})
    return cast(nn.Module, layer)


def _place(root: nn.Module, name: str, layer: nn.Module) -> None:
    """Put a layer where its name says."""
    above, _, last = name.rpartition(".")
    for part in filter(None, above.split(".")):
        if not hasattr(root, part):
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    root.add_module(last, layer)
