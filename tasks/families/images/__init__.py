"""The architectures that read pictures: one file per family.

To add one: write `NAME.py` with the names of `ImageFamily`. NAME is the `model_type` in
transformers, with `_` for `-`. Import heavy libraries inside functions, since plans read these
files. Its models read `pixel_values` of three channels, and `AutoModel`,
`AutoModelForImageClassification` build them; `tests/families` checks every family. Published models
that are fine-tuned with a head of their own have their files in `tasks/families/published`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from tasks.experiment import choices

if TYPE_CHECKING:
    from torch import Tensor

    from tasks.experiment.images.model import ImageModel


class ImageFamily(Protocol):
    """The names in the module of a family; `config` is a model's, of transformers.

    Attributes:
        HEADS: What its models can be pre-trained to do, a tuple of words written in the file, since
            plans read it from there: "classes", "views" (both of any model with a pooled output),
            "patches" (`AutoModelForMaskedImageModeling`, which fills in squares of
            `encoder_stride` pixels, of one or several patches of `patch_size`). The `HEADS` of an
            objective are those it needs.
        FIELDS: The fields of `model` that count only with some families, including this.
        CHANNELS_LAST: Whether its convolutions are faster with the channels of a pixel together.

    Four facts are in no key: `_DEPTHS`, of each size how many layers it has (where it has stages:
    stages) and the largest rank of their matrices; `_LAYERS`, with "no matrices" where all are
    convolutions, "no attention" where none is, "windows" where none is over all places, and "no
    checkpointing" where transformers does not recompute layers;
    `_MULTIPLES`, where the side of a picture has to be a multiple of a number of pixels: the number
    for each size; `_ALSO`, the further `model_type`s whose weights its models can have.
    """

    HEADS: tuple[str, ...]
    FIELDS: tuple[str, ...]
    CHANNELS_LAST: bool

    def configure(self, model: ImageModel, size: int, dropout: float) -> Any:
        """The configuration of a model that reads pictures of `size` × `size` pixels."""

    def sides(self, given: Mapping[str, Any]) -> tuple[int, int]:
        """What the side of a picture is a multiple of, and the smallest side, in pixels.

        Args:
            given: the configuration of a model from elsewhere, as its file has it.
        """

    def fit(self, given: dict[str, Any], weights: dict[str, Tensor], size: int) -> list[str]:
        """Change a model from elsewhere in place, so that it reads pictures of `size` × `size`.

        Args:
            given: its configuration.
            weights: by name, those of heads too.
            size: a side that `sides` accepts.

        Returns:
            What was changed, in words.
        """

    def dropout(self, probability: float) -> dict[str, float]:
        """The fields of a configuration that set the dropout of a model; empty if it has none."""


def names() -> tuple[str, ...]:
    """The names of all families, as an experiment writes them: `resnet`."""
    return choices.names("families/images")


def of_type(model_type: str) -> str:
    """The family whose models can have the weights of a type of transformers; "" for none."""
    found = (
        name
        for name in names()
        if model_type in (name, *choices.words_of("families/images", name, "_ALSO"))
    )
    return next(found, "")


def module_of(family: str) -> str:
    """The module that describes a family."""
    return f"{__name__}.{family.replace('-', '_')}"


def load(family: str) -> ImageFamily:
    """Import a family by its name."""
    return cast(ImageFamily, importlib.import_module(module_of(family)))
