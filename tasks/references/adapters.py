"""Published adapters: what `peft` wrote beside a model, merged into the model that they adapt.

Of LoRA (Hu et al. 2022, "LoRA: Low-rank adaptation of large language models", ICLR), with the
scaling of rsLoRA (Kalajdzievski 2023) and the magnitudes of DoRA (Liu et al. 2024). It is merged by
arithmetic on the weights, so that no model is built from a configuration that is not checked yet.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError

from tasks.contract import StageError
from tasks.machinery.host.foreign_json import read_foreign_json
from tasks.machinery.host.small_files import report
from tasks.machinery.naming.cut import cut
from tasks.machinery.naming.links import require_inside
from tasks.models.files import CONFIGURATION, WEIGHTS, read_weights

if TYPE_CHECKING:
    from torch import Tensor

ADAPTER, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
MERGED = "model.safetensors"
PREFIX = "base_model.model."  # of the names in an adapter, as peft writes them
_A, _B, _MAGNITUDE = ".lora_A", ".lora_B", ".lora_magnitude_vector"


# The name of a layer, or its end; `peft` takes regular expressions too.
Pattern = Annotated[str, Field(pattern=r"^[\w.]+$")]


class AdapterConfiguration(BaseModel):
    """The fields of adapter_config.json that a merge needs."""

    peft_type: Literal["LORA"]
    base_model_name_or_path: Annotated[str, Field(min_length=1, max_length=1000)]
    revision: str | None = None
    r: Annotated[int, Field(ge=1, le=65_536)]
    lora_alpha: float
    use_rslora: bool = False
    fan_in_fan_out: bool = False
    rank_pattern: dict[Pattern, int] = {}
    alpha_pattern: dict[Pattern, float] = {}
    use_dora: bool = False
    # These change what is computed, or the weights of the model that is adapted. Others begin the
    # training alone, such as init_lora_weights: gaussian.
    init_lora_weights: bool | Literal["gaussian", "orthogonal", "eva"] | None = None
    layer_replication: None = None
    alora_invocation_tokens: None = None
    monteclora_config: None = None
    arrow_config: None = None
    kasa_config: None = None
    velora_config: None = None
    use_bdlora: None = None
    use_qalora: Literal[False] = False
    lora_bias: Literal[False] = False

    @property
    def base(self) -> str:
        """The reference to the model that it adapts: a folder, or a model on the Hub."""
        name = self.base_model_name_or_path
        if Path(name).is_absolute():
            return name
        return f"hf:{name.removeprefix('hf:')}" + (f"@{self.revision}" if self.revision else "")


def is_adapter(folder: Path) -> bool:
    """Whether a folder has an adapter and no model."""
    return (folder / ADAPTER).is_file() and not (folder / CONFIGURATION).is_file()


def read_adapter(folder: Path, where: str) -> AdapterConfiguration:
    """The configuration of an adapter.

    Args:
        folder: with its files.
        where: its name for messages.

    Raises:
        StageError: it is not one that can be merged here, or has no safetensors.
    """
    if not (folder / ADAPTER_WEIGHTS).is_file():
        there = sorted(entry.name for entry in folder.iterdir())
        raise StageError(
            f"{where}: an adapter without {ADAPTER_WEIGHTS}; found {', '.join(there[:8])}. "
            "Accepted: weights as safetensors, since other files may contain code"
        )
    require_inside(folder, [ADAPTER, ADAPTER_WEIGHTS], where)
    said = f"{where}: {ADAPTER}"
    given = read_foreign_json(folder / ADAPTER, said)
    try:
        return AdapterConfiguration.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        hint = ""
        if field == "base_model_name_or_path":
            hint = ": give the folder of the merged model, or write there which model it adapts"
        raise StageError(
            f"{said}: {field}: found {cut(repr(first['input']), 80)}; {first['msg']}{hint}"
        ) from None


def merge(folder: Path, base: Path, out: Path, where: str) -> None:
    """Write the model of an adapter: that which it adapts, with its differences added.

    Args:
        folder: of the adapter.
        base: folder of the model.
        out: empty folder for the configuration and the tokenizer of the model, and the weights;
            those that change are in fp32.
        where: the name of the adapter for messages.

    Raises:
        StageError: a weight that it changes is not in the model, or of another shape.
    """
    from safetensors.torch import load_file, save_file

    configuration = read_adapter(folder, where)
    try:
        added = load_file(folder / ADAPTER_WEIGHTS)
    except Exception as error:  # the library raises a type of its own
        raise StageError(f"{where}: {ADAPTER_WEIGHTS}: damaged: {cut(str(error), 200)}") from None
    weights = read_weights(base)
    changed = _merged(configuration, added, weights, where)
    save_file(weights | changed, out / MERGED, metadata={"format": "pt"})
    for file in base.iterdir():
        if file.is_file() and not file.name.endswith((WEIGHTS, f"{WEIGHTS}.index.json")):
            shutil.copyfile(file, out / file.name)


def _merged(
    configuration: AdapterConfiguration,
    added: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    where: str,
) -> dict[str, Tensor]:
    """The weights that change, by their names in the model."""
    found: dict[str, Tensor] = {}
    parts = {
        name.removeprefix(PREFIX).replace(".base_layer.", "."): tensor  # biases of its layers
        for name, tensor in added.items()
    }
    layers = {name.partition(_A)[0] for name in parts if _A in name}
    if not layers:
        raise StageError(f"{where}: {ADAPTER_WEIGHTS}: no weight of LoRA ({_A[1:]}, {_B[1:]})")
    for layer in sorted(layers):
        name = _name_in(weights, f"{layer}.weight")
        if name is None:
            raise StageError(
                f"{where}: {layer} is no layer of {configuration.base}: the adapter is of another "
                "model"
            )
        own = {part: _part(parts, layer, part) for part in (_A, _B, _MAGNITUDE)}
        found[name] = _changed(configuration, layer, weights[name], own, where)
    rest = [name for name in parts if not any(part in name for part in (_A, _B, _MAGNITUDE))]
    left_out = []
    for name in rest:  # what was trained beside: biases, and whole modules such as a head
        other = _name_in(weights, name)
        if "lora_" in name:
            raise StageError(
                f"{where}: {ADAPTER_WEIGHTS}: {name}: accepted: LoRA of matrices, not of embeddings"
            )
        if other is None or weights[other].shape != parts[name].shape:
            left_out.append(name)
        else:
            found[other] = parts[name].float()
    if left_out:
        report(
            f"{where}: {len(left_out)} weights of the adapter are not in {configuration.base}, and "
            f"are left out: a head that it trained, such as {left_out[0]}"
        )
    return {name: tensor.contiguous() for name, tensor in found.items()}


def _part(parts: Mapping[str, Tensor], layer: str, part: str) -> Tensor | None:
    return next((parts[n] for n in (f"{layer}{part}.weight", f"{layer}{part}") if n in parts), None)


def _name_in(weights: Iterable[str], name: str) -> str | None:
    """The name in a model of a weight that an adapter names: heads and bodies differ in a prefix.

    `bert.encoder.layer.0.….weight` of a classifier is `encoder.layer.0.….weight` of a bare BERT.
    """
    if name in weights:
        return name
    bare = name.partition(".")[2]
    alike = [each for each in weights if each == bare or each.endswith(f".{name}")]
    return alike[0] if len(alike) == 1 else None


def _changed(
    configuration: AdapterConfiguration,
    layer: str,
    weight: Tensor,
    own: Mapping[str, Tensor | None],
    where: str,
) -> Tensor:
    """A matrix of shape [out, in] (or [in, out], of GPT-2) with its difference, in fp32."""
    down, up, magnitude = own[_A], own[_B], own[_MAGNITUDE]
    rank = _of_pattern(configuration.rank_pattern, layer, configuration.r)
    alpha = _of_pattern(configuration.alpha_pattern, layer, configuration.lora_alpha)
    high, wide = weight.shape[::-1] if configuration.fan_in_fan_out else weight.shape[:2]
    if (
        weight.ndim != 2
        or down is None
        or up is None
        or down.shape != (rank, wide)
        or up.shape != (high, rank)
        or (magnitude is None) == configuration.use_dora
        or (magnitude is not None and magnitude.numel() != high)
    ):
        shapes = {part[1:]: None if t is None else list(t.shape) for part, t in own.items()}
        raise StageError(
            f"{where}: {layer}: found {shapes} with rank {rank}; accepted: those of a matrix of "
            f"{list(weight.shape)}, the weight of {configuration.base}, "
            f"{'with' if configuration.use_dora else 'without'} the magnitudes of DoRA (use_dora)"
        )
    scale = alpha / (rank**0.5 if configuration.use_rslora else rank)
    plain = weight.float().T if configuration.fan_in_fan_out else weight.float()
    merged = plain + scale * (up.float() @ down.float())
    if magnitude is not None:
        merged = merged * (magnitude.float().flatten() / merged.norm(dim=1))[:, None]
    return merged.T if configuration.fan_in_fan_out else merged


def _of_pattern(pattern: Mapping[str, Any], layer: str, usual: Any) -> Any:
    """The value of a layer: that of the first name which it ends with, as `peft` matches them."""
    ends = (v for name, v in pattern.items() if layer == name or layer.endswith(f".{name}"))
    return next(ends, usual)
