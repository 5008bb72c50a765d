"""Published models with a head of their own: built, given their weights, and counted."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import PreTrainedModel

from tasks.contract import StageError
from tasks.data.images.examples import PIXELS
from tasks.data.notices import Notices
from tasks.families import published as families
from tasks.models.bodies import answers_of, built_from, read_configuration
from tasks.models.files import CONFIGURATION, configuration_of, parameters_of
from tasks.models.images.computation import of_pictures
from tasks.models.images.normalization import reading_usual
from tasks.problems import Problem
from tasks.training import flops
from tasks.training.computation import Computation
from tasks.training.microbatches import Batch

NEW_LABELS = (
    "labels that the model to start from does not have, so that their part of its head is random "
    "at first"
)


def has_own_head(model_type: str) -> bool:
    """Whether models of a type of transformers are of a family that brings a head of its own."""
    return bool(families.of_type(model_type))


def new_model(
    kind: Problem, architecture: Path, labels: Sequence[str], dropout: float, seed: int
) -> PreTrainedModel:
    """A model with random weights, which depend on the seed alone, and these labels.

    All of its weights learn: transformers freezes the backbones of DETR and its kin, all of their
    layers where these are of its own ResNet.
    """
    given = configuration_of(architecture, architecture.name)
    family = families.load(families.of_type(given["model_type"]))
    config = read_configuration(architecture, **answers_of(kind, labels))
    config.update(family.dropout(dropout))
    with torch.random.fork_rng(devices=[]), built_from(architecture):
        torch.manual_seed(seed)
        model: PreTrainedModel = kind.AUTO_MODEL.from_config(config)
    model.float().requires_grad_(requires_grad=True)
    return reading_usual(model, architecture)


def read_whole(auto_model: Any, folder: Path) -> tuple[PreTrainedModel, list[str]]:
    """The model in a folder with all of its weights, those of its head too.

    Returns:
        The model, and the names of further weights in the folder, which are none of it.

    Raises:
        StageError: the library cannot build it, or a weight is missing or of another shape.
    """
    with built_from(folder):
        config = read_configuration(folder)
        model, facts = auto_model.class_of(config).from_pretrained(
            folder,
            config=config,
            local_files_only=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    wrong = sorted({*facts["missing_keys"], *(str(each[0]) for each in facts["mismatched_keys"])})
    if wrong:
        raise StageError(
            f"{folder.name}/ has no weights for {len(wrong)} parts of a {type(model).__name__}, or "
            f"of another shape ({wrong[0]}, …); accepted: a folder with all weights of the model, "
            "its head included"
        )
    return model, sorted(facts["unexpected_keys"])


def load_weights(
    model: PreTrainedModel, kind: Problem, body: Path, labels: Sequence[str], notices: Notices
) -> None:
    """Replace all weights by those of the model in a folder.

    What the head has for each label is taken by the label's name; of labels that the folder's model
    does not know it stays random, which the notices say.

    Raises:
        StageError: the weights in the folder are not those of such a model.
    """
    given, _ = read_whole(kind.AUTO_MODEL, body)
    own, found = model.state_dict(), given.state_dict()
    of_labels = names_by_label(model)
    other = sorted(
        name
        for name, tensor in own.items()
        if name not in found or (name not in of_labels and found[name].shape != tensor.shape)
    )
    if other:
        raise StageError(
            f"the weights in {body.name}/ are not those of this model: {len(other)} are missing or "
            f"of another shape ({other[0]}, …)"
        )
    known = {str(name): place for place, name in given.config.id2label.items()}
    pairs = [(known[label], i) for i, label in enumerate(labels) if label in known]
    for label in labels:
        if label not in known:
            notices.add(NEW_LABELS, label)
    for name in of_labels:
        found[name] = _by_label(found[name], own[name], pairs, len(labels))
    model.load_state_dict({name: found[name] for name in own})


def _by_label(
    given: torch.Tensor, own: torch.Tensor, pairs: Sequence[tuple[int, int]], labels: int
) -> torch.Tensor:
    """Weights with the rows of labels from other places; behind them is that of "no object"."""
    result = own.clone()
    before = given.shape[0] - (own.shape[0] - labels)  # labels of the given model
    if own.shape[0] > labels:
        result[labels:] = given[before:]
    for there, here in pairs:
        result[here] = given[there]
    return result


def names_by_label(model: PreTrainedModel) -> list[str]:
    """The weights of a model whose first dimension has a place for each label.

    They are those that have another shape in a model with one label more.
    """
    more = copy.deepcopy(model.config)
    more.num_labels = model.config.num_labels + 1
    with torch.device("meta"):
        other = type(model)(more).state_dict()
    own = model.state_dict()
    return [name for name, tensor in own.items() if other[name].shape != tensor.shape]


def require_same_size(folder: Path, problem: Problem, where: str) -> None:
    """Check that a configuration describes a model of no more numbers than its weights have.

    Raises:
        StageError: it does, or the library builds no model from it.
    """
    with built_from(folder):
        config = read_configuration(folder)
        with torch.device("meta"):
            model = problem.AUTO_MODEL.class_of(config)(config)
    described, there = sum(each.numel() for each in model.parameters()), parameters_of(folder)
    if described > there:
        raise StageError(
            f"{where}: {CONFIGURATION}: it describes a {type(model).__name__} of {described:,} "
            f"numbers, but the weights beside it are {there:,}; accepted: a folder with all "
            "weights of the model, its head included"
        )


def computation(
    model: Any, batch: Batch, *, counts: Callable[[Batch], dict[str, int]], micro_batch_size: int
) -> Computation:
    """How to compute steps with batches of pictures like this one; see `image_computation`."""
    step = flops.of_step(_forward_flops(model, batch))
    return of_pictures(step, counts=counts, micro_batch_size=micro_batch_size)


def _forward_flops(model: Any, batch: Batch) -> float:
    """Operations of a forward pass with one picture, which is computed: masks have numbers.

    Gradients are on, since the counter of torch fails on a view of a weight without them.
    """
    picture = torch.zeros_like(batch[PIXELS][:1], device=model.device)
    training = model.training
    with FlopCounterMode(display=False) as counter, torch.enable_grad():
        model.eval()(pixel_values=picture)
    model.train(training)
    return float(counter.get_total_flops())
