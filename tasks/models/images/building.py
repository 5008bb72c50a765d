"""Models that read pictures: from random weights, or from those of a pre-trained one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModel, PreTrainedModel

from tasks.contract import StageError
from tasks.families import images as families
from tasks.models.bodies import answers_of, built_from, read_configuration
from tasks.models.files import CONFIGURATION, configuration_of, read_weights
from tasks.models.images.normalization import reading_usual
from tasks.problems import Problem

HIDDEN = "mask_token"  # the token of hidden patches; a backbone has it for the head that needs it


def new_model(auto_model: Any, config: Any, seed: int) -> PreTrainedModel:
    """A model in fp32 with random weights that depend on the seed alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: PreTrainedModel = auto_model.from_config(
            config, trust_remote_code=False, dtype=torch.float32
        )
    return in_layout(model)


def in_layout(model: PreTrainedModel) -> PreTrainedModel:
    """The model with its weights in the layout in which its convolutions are fastest."""
    if families.load(model.config.model_type).CHANNELS_LAST:
        model.to(memory_format=torch.channels_last)
    return model


def new_classifier(
    kind: Problem, architecture: Path, labels: Sequence[str], dropout: float, seed: int
) -> PreTrainedModel:
    """A model with a head for these labels; its weights depend on the seed alone."""
    given = configuration_of(architecture, architecture.name)
    family = families.load(given["model_type"])
    config = read_configuration(architecture, **answers_of(kind, labels), **family.dropout(dropout))
    return reading_usual(new_model(kind.AUTO_MODEL, config, seed), architecture)


def load_body(model: PreTrainedModel, body: Path) -> None:
    """Replace the weights of the backbone, and the statistics of its norms, by pre-trained ones.

    What is of a head keeps its values if the pre-trained model lacks it.

    Raises:
        StageError: a weight is missing, or of another shape.
    """
    given, lacking = read_body(body)
    found, wanted = given.state_dict(), model.base_model.state_dict()
    there = {name for name in wanted if name in found and name not in lacking}
    wrong = sorted(
        name
        for name, tensor in wanted.items()
        if (found[name].shape != tensor.shape if name in there else not is_of_head(name))
    )
    if wrong:
        raise StageError(
            f"the weights in {body.name}/ are not those of this model: {len(wrong)} of "
            f"{len(wanted)} are missing or of another shape ({wrong[0]}, …). Use the weights and "
            "the architecture of the same pre-training"
        )
    model.base_model.load_state_dict({name: found[name] for name in there}, strict=False)


def read_body(body: Path) -> tuple[Any, set[str]]:
    """The backbone of the model in a folder, and the names of the weights that its files lack.

    Raises:
        StageError: the library cannot build it, or a weight is of another shape.
    """
    with built_from(body):
        given, facts = AutoModel.from_pretrained(
            body,
            local_files_only=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    if other := sorted(str(each[0]) for each in facts["mismatched_keys"]):
        raise StageError(
            f"the weights in {body.name}/ are not those of its {CONFIGURATION}: {len(other)} are "
            f"of another shape ({other[0]}, …). Take another copy of the model"
        )
    return given, {*facts["missing_keys"]}


def is_of_head(name: str) -> bool:
    """Whether a weight of a backbone is of a head: a pooler, or the token of hidden patches."""
    return name.startswith("pooler.") or name.endswith(HIDDEN)


def load_head(model: PreTrainedModel, body: Path) -> list[str]:
    """Replace the weights of a head by those of the same names and shapes that a folder has.

    Those of classes are replaced only if the labels are the same, in the same order.

    Returns:
        The weights of the head that the folder lacks, which keep their values.

    Raises:
        StageError: the library cannot read the configuration in the folder.
    """
    if model.base_model is model:
        return []
    prefix, own = f"{model.base_model_prefix}.", model.state_dict()
    wanted = {name for name in own if not name.startswith(prefix) or name.endswith(HIDDEN)}
    alike = getattr(model.config, "id2label", None) == read_configuration(body).id2label
    found = read_weights(body)
    fitting = {
        name: found[name]
        for name in wanted
        if name in found
        and found[name].shape == own[name].shape
        and (alike or not name.startswith("classifier"))
    }
    model.load_state_dict(fitting, strict=False)
    return sorted(wanted - fitting.keys())
