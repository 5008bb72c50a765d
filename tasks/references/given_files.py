"""What the files of a given model must be, before a library builds a model from them.

A configuration from elsewhere decides how much memory a model takes, and which code attends. So its
sizes must be those of the weights beside it, and its attention one of transformers' own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tasks.contract import StageError
from tasks.experiment import choices
from tasks.families import published
from tasks.machinery.host.foreign_json import read_foreign_json
from tasks.machinery.naming.cut import cut
from tasks.models.files import CONFIGURATION, WEIGHTS, configuration_of
from tasks.sources.published_tokenizers import MERGES, read_vocabulary, require_whole

ATTENTION = ("eager", "sdpa")
ATTENDING = ("attn_implementation", "_attn_implementation", "_attn_implementation_internal")
# Fields that would have transformers load code, other files, or weights of another kind.
REFUSED = ("experts_implementation", "quantization_config", "transformers_weights")
# Fields that name a backbone of another library, or one on the Hub.
BACKBONES = ("use_timm_backbone", "backbone", "use_pretrained_backbone")
# Sizes that are a dimension of some weight.
DIMENSIONS = (
    *("vocab_size", "hidden_size", "intermediate_size", "embedding_size"),
    *("dim", "hidden_dim", "n_embd", "n_inner", "embed_dim", "hidden_sizes"),
)
POSITIONS = ("max_position_embeddings", "n_positions")  # of a table, which rotary positions lack
LAYERS, HEADS, WIDTH = (
    ("num_hidden_layers", "n_layers", "n_layer"),
    ("num_attention_heads", "n_heads", "n_head"),
    ("hidden_size", "dim", "n_embd"),
)
_LAYER = re.compile(r"(?:^|\.)(?:layers?|h)\.(\d+)\.")
_POSITIONS = re.compile(r"(?:position_embeddings|wpe)\b")
# The convolution that cuts a picture into patches, and the places of these, of images.
_PATCHES = re.compile(r"(?:^|\.)patch_embeddings\.(?:projection\.)?weight$")
_PLACES = re.compile(r"(?:^|\.)embeddings\.position_embeddings$")
# A layer of a stage, of images: the numbers of both.
_STAGE = re.compile(r"(?:^|\.)(?:stages|layers)\.(\d+)\.(?:layers|blocks)\.(\d+)\.")

Size = Annotated[int, Field(ge=1, le=10**7)]
Few = Annotated[int, Field(ge=1, le=1000)]
Side = Annotated[int, Field(ge=1, le=8192)]
Stages = Annotated[list[Few], Field(max_length=20)]


class _Configuration(BaseModel):
    """The fields of a configuration that sizes, labels and inputs depend on."""

    model_config = ConfigDict(extra="allow", strict=True)

    model_type: str
    architectures: list[str] | None = None
    problem_type: str | None = None
    id2label: dict[Annotated[str, Field(pattern=r"^\d{1,9}$")], Any] | None = None
    label2id: dict[str, Any] | None = None
    pad_token_id: int | None = None
    vocab_size: Size | None = None
    hidden_size: Size | None = None
    intermediate_size: Size | None = None
    max_position_embeddings: Size | None = None
    dim: Size | None = None
    hidden_dim: Size | None = None
    num_labels: Annotated[int, Field(ge=1, le=10**6)] | None = None
    embedding_size: Size | None = None
    embed_dim: Size | None = None
    hidden_sizes: Annotated[list[Size], Field(max_length=20)] | None = None
    n_embd: Size | None = None
    n_inner: Size | None = None
    n_positions: Size | None = None
    head_dim: Size | None = None
    num_hidden_layers: Few | None = None
    n_layers: Few | None = None
    n_layer: Few | None = None
    num_layers: Few | None = None
    num_attention_heads: Few | None = None
    n_heads: Few | None = None
    n_head: Few | None = None
    num_key_value_heads: Few | None = None
    num_heads: Few | Stages | None = None
    depths: Stages | None = None
    num_channels: Few | None = None
    image_size: Side | list[Side] | None = None
    patch_size: Side | list[Side] | None = None
    type_vocab_size: Annotated[int, Field(ge=0, le=10_000)] | None = None


class _OwnHead(_Configuration):
    """The fields of a published model with a head of its own, or of its backbone."""

    num_attention_heads: Few | Stages | None = None  # type: ignore[assignment]
    encoder_layers: Few | None = None
    decoder_layers: Few | None = None
    num_encoder_blocks: Few | None = None
    num_feature_levels: Few | None = None
    auxiliary_num_convs: Few | None = None


def require_sound(folder: Path, names: Sequence[str], where: str) -> None:
    """Check the configuration, the tokenizer and the index of a model against its weights.

    Args:
        folder: the folder with the model.
        names: its files: those that are read.
        where: its name for messages.

    Raises:
        StageError: with the file and the field.
    """
    said = f"{where}: {CONFIGURATION}"
    configuration = configuration_of(folder, where)
    weights = [name for name in names if name.endswith(WEIGHTS)]
    if family := published.of_type(configuration["model_type"]):
        _require_own_head(configuration, said)
        _require_same_size(folder, published.problem_of(family), where)
    else:
        _require_fields(configuration, said)
        shapes = _shapes(folder / name for name in weights)
        _require_sizes(configuration, shapes, said)
        _require_patches(configuration, shapes, said)
    for name in names:
        if name.endswith(".index.json"):
            _require_index(folder / name, weights, f"{where}: {name}")
    if "tokenizer.json" in names:
        require_whole(folder / "tokenizer.json", where)
    elif "vocab.txt" in names:
        read_vocabulary(folder / "vocab.txt", where)
    for name in names:
        if name.endswith(".json") and name not in ("tokenizer.json", *MERGES):
            read_foreign_json(folder / name, f"{where}: {name}")


# The kinds of numbers that numpy does not know: as whole numbers, and the bits that only NaN and
# infinity have all set.
_EXPONENTS = {"BF16": ("<u2", 0x7F80), "F8_E5M2": ("u1", 0x7C), "F8_E4M3": ("u1", 0x7F)}


def require_finite(files: Iterable[Path], where: str) -> None:
    """Check that weights are numbers: a model of NaN answers the first class to everything.

    Raises:
        StageError: some are NaN or infinite.
    """
    import numpy as np
    from safetensors import safe_open

    for file in files:
        with safe_open(file, framework="numpy") as opened:
            for name in opened.keys():  # noqa: SIM118
                kind = opened.get_slice(name).get_dtype()
                if kind in _EXPONENTS:
                    wrong = _special(file, name, *_EXPONENTS[kind])
                elif kind in ("F16", "F32", "F64"):
                    wrong = int(np.count_nonzero(~np.isfinite(opened.get_tensor(name))))
                else:
                    continue
                if wrong:
                    raise StageError(
                        f"{where}: {file.name}: {name}: {wrong:,} of the numbers are NaN or "
                        "infinite: its training went wrong, or the copy; take another one"
                    )


def _special(file: Path, name: str, kind: str, exponent: int) -> int:
    """How many numbers of a tensor have all bits of a mask, read from its bytes."""
    import numpy as np

    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        begin, end = json.loads(opened.read(length))[name]["data_offsets"]
        opened.seek(8 + length + begin)
        bits = np.frombuffer(opened.read(end - begin), dtype=kind)
    return int(np.count_nonzero(bits & exponent == exponent))


def _require_own_head(configuration: dict[str, Any], said: str) -> None:
    """Check the fields of a model with a head of its own, and those of its backbone."""
    _require_fields(configuration, said, _OwnHead)
    for name in BACKBONES:
        if value := configuration.get(name):
            raise StageError(
                f"{said}: {name}: found {cut(repr(value), 80)}; accepted: a backbone of "
                "transformers, which backbone_config describes (some models on the Hub have it in "
                "a revision no_timm: hf:NAME@no_timm)"
            )
    backbone = configuration.get("backbone_config")
    if isinstance(backbone, dict):
        _require_fields({"model_type": ""} | backbone, f"{said}: backbone_config", _OwnHead)


def _require_same_size(folder: Path, problem: str, where: str) -> None:
    """Check that a model with a head of its own is as large as its weights; imports torch.

    Raises:
        StageError: it is larger, or the library builds no model from its configuration.
    """
    from tasks.models.images.published import require_same_size
    from tasks.problems import load

    require_same_size(folder, load(problem), where)


def _require_fields(
    configuration: dict[str, Any], said: str, kind: type[BaseModel] = _Configuration
) -> None:
    try:
        kind.model_validate(configuration)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        found = cut(repr(first["input"]), 80)
        raise StageError(f"{said}: {field}: found {found}; {first['msg']}") from None
    for name in (*ATTENDING, *REFUSED):
        value = configuration.get(name)
        accepted = ATTENTION if name in ATTENDING else ()
        if value is not None and value not in accepted:
            raise StageError(
                f"{said}: {name}: found {cut(repr(value), 80)}; accepted: "
                f"{' or '.join(accepted) or 'nothing'}, since no code and no other file is loaded. "
                "Remove the field"
            )
    heads, width = _first(configuration, HEADS), _first(configuration, WIDTH)
    if heads[1] and width[1] and isinstance(heads[1], int) and width[1] % heads[1]:
        raise StageError(
            f"{said}: {heads[0]}: found {heads[1]}; it must divide {width[0]} ({width[1]})"
        )


def _first(configuration: dict[str, Any], names: Iterable[str]) -> tuple[str, int]:
    """The first of some names that a configuration has, with its number; 0 for none."""
    return next(((n, configuration[n]) for n in names if configuration.get(n)), ("", 0))


def _shapes(files: Iterable[Path]) -> dict[str, tuple[int, ...]]:
    """The shape of each weight, from the headers of the files."""
    from safetensors import safe_open

    shapes: dict[str, tuple[int, ...]] = {}
    for file in files:
        with safe_open(file, framework="numpy") as opened:
            shapes |= {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
    return shapes


def _require_sizes(
    configuration: dict[str, Any], shapes: dict[str, tuple[int, ...]], said: str
) -> None:
    """Check that the model of a configuration is as large as its weights, and not larger."""
    sizes = {size for shape in shapes.values() for size in shape}
    checked = (*DIMENSIONS, *POSITIONS) if _has_positions(configuration, shapes) else DIMENSIONS
    for name in checked:
        value = configuration.get(name)
        for size in value if isinstance(value, list) else [value]:
            if size is not None and size not in sizes:
                raise StageError(f"{said}: {name}: found {size}, but no weight has that size")
    of_head = configuration.get("head_dim")
    for name in (*HEADS, "num_key_value_heads"):
        heads = configuration.get(name)
        if of_head and heads and of_head * heads not in sizes:
            raise StageError(
                f"{said}: head_dim: found {of_head}, but no weight has the size of {heads} heads"
            )
    placed = {found.groups() for name in shapes if (found := _STAGE.search(name))}
    depths = configuration.get("depths")
    if depths and placed and sum(depths) != len(placed):
        raise StageError(
            f"{said}: depths: found {depths}, but there are weights of {len(placed)} layers"
        )
    layers = {found.group(1) for name in shapes if (found := _LAYER.search(name))}
    field, number = _first(configuration, LAYERS)
    if layers and number and number != len(layers):
        raise StageError(
            f"{said}: {field}: found {number}, but there are weights of {len(layers)} layers"
        )


def _require_patches(
    configuration: dict[str, Any], shapes: dict[str, tuple[int, ...]], said: str
) -> None:
    """Check what a model that reads pictures says of its patches against its weights."""
    patch, side, channels = (
        value[0] if isinstance(value, list) else value
        for value in map(configuration.get, ("patch_size", "image_size", "num_channels"))
    )
    for name, shape in shapes.items():
        if _PATCHES.search(name) and len(shape) == 4:  # [width, channels, rows, columns]
            for field, given, found in (
                ("patch_size", patch, shape[-1]),
                ("num_channels", channels, shape[1]),
            ):
                if given and given != found:
                    raise StageError(f"{said}: {field}: found {given}, but {name} has {found}")
        if _PLACES.search(name) and len(shape) == 3 and patch and side:
            wanted = (side // patch) ** 2  # and perhaps a token of the class before them
            if shape[1] not in (wanted, wanted + 1):
                raise StageError(
                    f"{said}: image_size: found {side} with patches of {patch}, which are "
                    f"{wanted}, but {name} has {shape[1]} places"
                )


def _has_positions(configuration: dict[str, Any], shapes: Iterable[str]) -> bool:
    """Whether a model has a table of positions, as all but those with rotary ones."""
    family = configuration["model_type"]
    if family in choices.names("families"):
        return "rotary" not in choices.words_of("families", family, "POSITIONS")
    return any(_POSITIONS.search(name) for name in shapes)


def _require_index(file: Path, weights: Sequence[str], said: str) -> None:
    """Check that an index refers to the weights beside it alone."""
    found = read_foreign_json(file, said)
    placed = found.get("weight_map") if isinstance(found, dict) else None
    if not isinstance(placed, dict):
        raise StageError(f"{said}: weight_map: not given; accepted: the file of each weight")
    for weight, name in placed.items():
        if name not in weights:
            raise StageError(
                f"{said}: weight_map.{cut(weight, 80)}: found {cut(repr(name), 80)}; accepted: "
                f"{', '.join(weights)}"
            )
