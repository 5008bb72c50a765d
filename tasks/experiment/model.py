"""The part `model`: which architecture, and its size.

A size has a name: each family's file states its published ones as `_SIZES`, from the smallest to
the largest: layers, hidden size, heads, and the intermediate size where it is not the usual one.
That is private and nothing in the file uses it, so it is in no key: an experiment with a size has
the same keys as one with its numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationInfo, field_validator, model_validator

from tasks.experiment import choices
from tasks.experiment.fields import Part, field

LEAST_WIDTH = 8
NUMBERS = ("layers", "hidden_size", "heads", "intermediate_size")
USUAL = {"layers": 4, "hidden_size": 256, "heads": 4}  # without a size


def size_names() -> tuple[str, ...]:
    """The sizes of all families, each once."""
    found = (size for family in choices.names("families") for size in sizes_of(family))
    return tuple(dict.fromkeys(found))


def sizes_of(family: str) -> dict[str, tuple[int, ...]]:
    """The sizes of a family, in the order of NUMBERS; none if it states none."""
    return choices.table_of("families", family, "_SIZES")


def resolved(given: Mapping[str, Any], family: str, size: str) -> dict[str, Any]:
    """The numbers of a model: those that are given, else those of its size, else the usual ones.

    Args:
        given: the fields of a model; 0 of a number is as good as none.
        family: of the model, which may be unknown.
        size: by name; empty or unknown: the usual one.
    """
    known = family in choices.names("families")
    chosen = sizes_of(family).get(size, ()) if known else ()
    numbers = USUAL | dict(zip(NUMBERS, chosen, strict=False))
    missing = {n: number for n, number in numbers.items() if given.get(n) in (0, None, "")}
    return {**given, **missing}


class Model(Part):
    """The encoder that is pre-trained and then fine-tuned."""

    family: str = field(
        "bert", "Family", "Architecture of the encoder", choices=choices.names("families")
    )
    size: str = field(
        "",
        "Size",
        "A published size of the family, by its name: its layers, hidden size, heads and "
        "intermediate size, where they are not given; empty: 4 layers of 256 with 4 heads",
        in_key=False,  # the numbers are
        choices=("", *size_names()),
    )
    layers: int = field(0, "Layers", "Transformer layers; 0: those of the size", ge=0, le=96)
    hidden_size: int = field(
        0,
        "Hidden size",
        "Width of the hidden states, at least 8; 0: that of the size",
        ge=0,
        le=8192,
    )
    heads: int = field(
        0,
        "Heads",
        "Attention heads; they divide the hidden size; 0: those of the size",
        ge=0,
        le=128,
    )
    intermediate_size: int = field(
        0,
        "Intermediate size",
        "Width of the feed-forward layer; 0 is that of the size, or four times the hidden size, "
        "eight thirds of it with ModernBERT and Llama, whose layers have a gate",
        ge=0,
        le=65_536,
    )
    max_positions: int = field(
        512,
        "Positions",
        "Longest sequence that the model can read, in tokens",
        ge=8,
        le=32_768,
    )
    initializer_range: float = field(
        0.02,
        "Initializer range",
        "Standard deviation of the layers' random weights (that of embeddings is always 0.02); "
        "0.02 is BERT's; 0.088 (1/√width) was better with 128 units and 2 layers, much worse with "
        "256 and 4",
        ge=1e-4,
        le=1,
    )

    @model_validator(mode="before")
    @classmethod
    def _numbers_of_the_size(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return resolved(values, str(values.get("family", "bert")), str(values.get("size", "")))

    @field_validator("size", mode="before")
    @classmethod
    def _is_a_size_of_the_family(cls, value: Any, info: ValidationInfo) -> Any:
        family = info.data.get("family", "")
        known = sizes_of(family) if family else {value: ()}
        if value and value not in known:
            accepted = ", ".join(known) or "none, give numbers"
            raise ValueError(f"found {value!r}; accepted with model.family {family}: {accepted}")
        return value

    @model_validator(mode="after")
    def _is_wide_enough(self) -> Model:
        if self.hidden_size < LEAST_WIDTH:
            raise ValueError(
                f"hidden_size is {self.hidden_size}; accepted: at least {LEAST_WIDTH}, or 0 for "
                "that of the size"
            )
        return self

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Model:
        if self.hidden_size % self.heads:
            fitting = [h for h in range(1, self.hidden_size + 1) if self.hidden_size % h == 0]
            nearest = sorted(sorted(fitting, key=lambda h: abs(h - self.heads))[:4])
            raise ValueError(
                f"heads ({self.heads}) must divide hidden_size ({self.hidden_size}); "
                f"accepted near it: {', '.join(map(str, nearest))}"
            )
        return self
