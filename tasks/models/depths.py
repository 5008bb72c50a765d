"""At which depth of a model each of its weights is: embeddings, the layers, what is above them.

They are found by how models are built, so that this holds for every family: the layers are the
first list of modules in the encoder; its embeddings are what comes before them, and every table of
embeddings. Layers that share their weights (ALBERT) are one.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from torch import nn


@dataclass(frozen=True)
class Depths:
    """The names of the weights of a model for fine-tuning, by depth.

    Attributes:
        embeddings: below the layers.
        layers: each layer, the lowest first.
        above: of the encoder, above the layers: a last norm.
        head: of the head, and of the encoder's pooler, which pre-training may not have trained.
    """

    embeddings: frozenset[str]
    layers: tuple[frozenset[str], ...]
    above: frozenset[str]
    head: frozenset[str]

    @classmethod
    def of(cls, model: Any) -> Depths:
        """The depths of a model of transformers."""
        prefix = f"{model.base_model_prefix}."
        stack, layers = next(
            (f"{prefix}{name}.", module)
            for name, module in model.base_model.named_modules()
            if isinstance(module, nn.ModuleList)
        )
        tables = {
            id(part)
            for module in model.base_model.modules()
            if isinstance(module, nn.Embedding)
            for part in module.parameters()
        }
        found: list[set[str]] = [set() for _ in layers]
        embeddings, above, head = set[str](), set[str](), set[str]()
        for name, part in model.named_parameters():
            if not name.startswith(prefix) or name.startswith(f"{prefix}pooler."):
                head.add(name)
            elif name.startswith(stack):
                found[int(name.removeprefix(stack).partition(".")[0])].add(name)
            elif id(part) in tables or not any(found):
                embeddings.add(name)
            else:
                above.add(name)
        every = tuple(frozenset(layer) for layer in found)
        return cls(frozenset(embeddings), every, frozenset(above), frozenset(head))


def layer_rates(model: Any, decay: float) -> dict[str, float]:
    """The share of the learning rate of each weight below the top layer, by its name.

    The top layer and all above it have the full rate, each layer below `decay` times that of the
    one above it, and the embeddings that of a layer below the lowest: the discriminative
    fine-tuning of Howard and Ruder 2018, "Universal language model fine-tuning for text
    classification", ACL, section 3.2.
    """
    depths = Depths.of(model)
    below = [*reversed(depths.layers), depths.embeddings]
    return {name: decay**number for number, names in enumerate(below) for name in names}


def freeze(model: Any, frozen: str) -> None:
    """Have a part of a model keep its weights: the embeddings, or the whole encoder (a probe).

    A model whose encoder is frozen learns its head alone, and its pooler if it has one, on the
    features of the encoder (Peters et al. 2019, "To tune or not to tune?", RepL4NLP). Dropout in
    the encoder stays.
    """
    if frozen == "none":
        return
    depths = Depths.of(model)
    names = depths.embeddings
    if frozen == "encoder":
        names = names.union(depths.above, *depths.layers)
    keep(model, names)


def keep(model: Any, names: Set[str]) -> None:
    """Have some weights of a model keep their values."""
    for name, part in model.named_parameters():
        if name in names:
            part.requires_grad_(requires_grad=False)


def hold_in_evaluation(module: nn.Module) -> None:
    """Have a part of a model stay in evaluation mode when the whole is set to training."""
    module.eval()
    module.__dict__["train"] = lambda mode=True: module  # noqa: ARG005


def hold_norms(model: nn.Module) -> Sequence[nn.Module]:
    """Have batch norms whose scale does not learn keep their statistics; returns these norms."""
    found = [
        module
        for module in model.modules()
        if isinstance(module, nn.BatchNorm2d)
        and module.weight is not None
        and not module.weight.requires_grad
    ]
    for norm in found:
        hold_in_evaluation(norm)
    return found


def release(module: nn.Module) -> None:
    """Have a part of a model follow the mode of the whole again."""
    module.__dict__.pop("train", None)


def is_body_frozen(model: Any) -> bool:
    """Whether no weight of a model learns but those of its head and its pooler."""
    head = Depths.of(model).head
    return not any(part.requires_grad for n, part in model.named_parameters() if n not in head)
