"""Models for fine-tuning: built from an encoder, written, and read back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig

from tasks import families
from tasks.contract import StageError
from tasks.experiment.problem import FineTuning
from tasks.machinery.naming.cut import cut
from tasks.models.files import CONFIGURATION, READER, configuration_of, read_weights
from tasks.models.images.normalization import reading_usual
from tasks.problems import Problem

# Weights of a bare encoder that its states do not depend on.
_UNREAD = re.compile(r"^pooler\.|mask_token$")

# BERT's, independent of the pre-training: the comparison must give random weights their best
# chance. An encoder of 128 units that is fine-tuned from 1/sqrt(128) is worse than from this: its
# accuracy on the demo's `library` is 0.37 against 0.44 in 12 epochs, 0.45 against 0.53 in 24.
INITIALIZER_RANGE = 0.02
LLAMA, LLAMA_FOR_QUESTIONS = "model.", "transformer."  # prefixes of its encoder's weights


# What early published models store beside their weights, and today's models compute: the numbers of
# the positions, causal masks, rotary frequencies.
COMPUTED = ("position_ids", ".attn.bias", ".attn.masked_bias", "rotary_emb.inv_freq")


def new_classifier(
    kind: Problem, architecture: Path, labels: Sequence[str], training: FineTuning, seed: int
) -> Any:
    """A model with a head for these labels, or for a number; its weights depend on the seed alone.

    They are in fp32, whatever the configuration says of published weights.

    Raises:
        StageError: `max_length` is beyond the positions of the architecture, or the configuration
            has no token to pad with.
    """
    given = configuration_of(architecture, architecture.name)
    family = families.load(given["model_type"])
    config = read_configuration(
        architecture,
        initializer_range=INITIALIZER_RANGE,
        **answers_of(kind, labels),
        use_cache=False,  # of use to a model that writes text alone
    )
    config.update(family.dropout(training.dropout))  # also what a published one does not name
    config.pad_token_id = _padding(config, architecture)
    longest = family.longest_input(config.to_dict())
    if longest is not None and training.max_length > longest:
        raise StageError(
            f"max_length is {training.max_length}, but the model reads at most {longest} tokens; "
            f"set max_length to at most {longest}, or pre-train with larger model.max_positions"
        )
    with torch.random.fork_rng(), built_from(architecture):
        torch.manual_seed(seed)
        return kind.AUTO_MODEL.from_config(config, trust_remote_code=False, dtype=torch.float32)


def _padding(config: Any, architecture: Path) -> int:
    """The number of the token that a model is padded with.

    Published decoders have none: the end of a text takes its place, since nothing is behind it.

    Raises:
        StageError: there is neither.
    """
    ends = config.eos_token_id
    end = ends[0] if isinstance(ends, list) and ends else ends
    found = end if config.pad_token_id is None else config.pad_token_id
    if not isinstance(found, int):
        raise StageError(
            f"{architecture.name}/config.json has neither pad_token_id nor eos_token_id, so texts "
            "of several lengths cannot be read at once: add pad_token_id, the number of a token "
            "that is in no text"
        )
    return found


def read_configuration(folder: Path, **fields: Any) -> Any:
    """The configuration of the model in a folder, with some fields replaced.

    Raises:
        StageError: the library cannot read it.
    """
    with built_from(folder):
        return AutoConfig.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            output_attentions=False,  # with it, models with fast attention cannot be saved
            **fields,
        )


@contextmanager
def built_from(folder: Path) -> Iterator[None]:
    """Name the file where a library cannot build a model: it raises many types, or two lines."""
    try:
        yield
    except Exception as error:
        said = cut(" ".join(f"{type(error).__name__}: {error}".split()), 300)
        raise StageError(
            f"no model can be built from {folder.name}/config.json and the files beside it: {said}"
        ) from error


def answers_of(kind: Problem, labels: Sequence[str]) -> dict[str, Any]:
    """The fields of the configuration that describe a model's answers."""
    known: dict[str, Any] = {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: i for i, label in enumerate(labels)},
    }
    unnamed = {"num_labels": kind.HEAD.outputs}
    return (known if labels else unnamed) | {"problem_type": kind.HEAD.problem_type or None}


def load_encoder(model: Any, body: Path) -> None:
    """Replace all of the encoder's weights by those of a pre-trained model, or fail.

    Only the head, and a pooler that the pre-training did not train, keep their weights.

    Raises:
        StageError: A weight is missing, not in the model, or of another shape.
    """
    _set_encoder(model, _read_weights(body), body)


def load_all(model: Any, body: Path) -> list[str]:
    """Replace the encoder's weights as `load_encoder` does, and those of the head that are there.

    Returns:
        The names of the weights of the head that the folder lacks, which keep their values.

    Raises:
        StageError: The weights are not those of the encoder.
    """
    found = _read_weights(body)
    _set_encoder(model, found, body)
    return _set_head(model, found)


def _set_encoder(model: Any, found: dict[str, torch.Tensor], body: Path) -> None:
    prefix = f"{model.base_model_prefix}."
    # Llama's for questions has another prefix than its others, in the model or in the files.
    usual = f"{type(model.base_model).base_model_prefix}."
    prefixes = (usual, prefix, *([LLAMA_FOR_QUESTIONS] if usual == LLAMA else []))
    own = next((p for p in prefixes if any(name.startswith(p) for name in found)), usual)
    of_encoder = _of_encoder(found, own)
    given = {prefix + name.removeprefix(own): each for name, each in of_encoder.items()}
    wanted = {name: t.shape for name, t in model.state_dict().items() if name.startswith(prefix)}
    pooler = f"{prefix}pooler."
    poolers = [{n for n in names if n.startswith(pooler)} for names in (wanted, given)]
    if not all(poolers):
        for name in poolers[1]:
            del given[name]
        for name in poolers[0]:
            del wanted[name]
    shapes = {name: tensor.shape for name, tensor in given.items()}
    if shapes != wanted:
        raise StageError(_misfit(body, shapes, wanted))
    model.load_state_dict(given, strict=False)


def _set_head(model: Any, found: dict[str, torch.Tensor]) -> list[str]:
    prefix = f"{model.base_model_prefix}."
    own = model.state_dict()
    given = {
        name: tensor
        for name, tensor in found.items()
        if not name.startswith(prefix) and name in own and own[name].shape == tensor.shape
    }
    model.load_state_dict(given, strict=False)
    # Tied weights have several names and one place in memory; files have one of the names.
    known = {t.data_ptr() for name, t in own.items() if name in given or name.startswith(prefix)}
    return sorted(name for name, tensor in own.items() if tensor.data_ptr() not in known)


def _read_weights(folder: Path) -> dict[str, torch.Tensor]:
    """The weights in a folder by their current names.

    Early published models call the weights of a norm gamma and beta, and store what is `COMPUTED`.
    """
    return {
        name.replace("LayerNorm.gamma", "LayerNorm.weight").replace(
            "LayerNorm.beta", "LayerNorm.bias"
        ): tensor
        for name, tensor in read_weights(folder).items()
        if not name.endswith(COMPUTED)
    }


def _of_encoder(found: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    """The weights of the encoder; one that was saved alone has no prefix."""
    if not any(name.startswith(prefix) for name in found):
        return {prefix + name: tensor for name, tensor in found.items()}
    return {name: tensor for name, tensor in found.items() if name.startswith(prefix)}


def _misfit(body: Path, given: dict[str, torch.Size], wanted: dict[str, torch.Size]) -> str:
    parts = {
        "missing": sorted(wanted.keys() - given.keys()),
        "not expected": sorted(given.keys() - wanted.keys()),
        "of another shape": sorted(
            n for n in wanted.keys() & given.keys() if wanted[n] != given[n]
        ),
    }
    counts = "; ".join(
        f"{len(names)} {what} ({names[0]}, …)" for what, names in parts.items() if names
    )
    return (
        f"the weights in {body.name}/ are not those of this encoder of {len(wanted)} tensors: "
        f"{counts}. Use the weights and the architecture of the same pre-training"
    )


def fit_tokenizer(tokenizer: Any, config: Any) -> None:
    """Have a tokenizer give no types of tokens to a model that does not read them."""
    if getattr(config, "type_vocab_size", 0) < 2:
        names = [name for name in tokenizer.model_input_names if name != "token_type_ids"]
        tokenizer.model_input_names = names


def write_model(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write the files for `transformers.pipeline`: configuration, safetensors and tokenizer."""
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def read_model(auto_model: Any, folder: Path, reader: str = "AutoTokenizer") -> tuple[Any, Any]:
    """A model, ready to predict on the best device in fp32, and what reads its inputs.

    Args:
        auto_model: the class of transformers that loads the model.
        folder: of the model.
        reader: the class that loads what reads its inputs: a tokenizer, or an image processor.

    Raises:
        StageError: the library cannot read it, or it lacks weights, which would be random ones.
    """
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    with built_from(folder):
        model, facts = auto_model.from_pretrained(
            folder, dtype=torch.float32, output_loading_info=True, **local
        )
        tokenizer = getattr(transformers, reader).from_pretrained(folder, **local)
        fit_tokenizer(tokenizer, model.config)
    lacking = sorted(name for name in facts["missing_keys"] if not _UNREAD.search(name))
    if lacking:
        built = model.config.architectures or [type(model).__name__]
        if type(model).__name__ not in built:
            raise StageError(
                f"{folder.name} is a {built[0]}, but this problem needs a {type(model).__name__}"
            )
        raise StageError(
            f"{folder.name} lacks {len(lacking)} weights of {type(model).__name__}, which its "
            f"{CONFIGURATION} is of, such as {lacking[0]}: its answers would be random; accepted: "
            "a model with all of its weights"
        )
    if (folder / READER).is_file():
        model = reading_usual(model, folder)
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer
