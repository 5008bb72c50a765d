"""The part `model` of an experiment on images: which architecture, and its size."""

from __future__ import annotations

from typing import Literal

from tasks.experiment import choices
from tasks.experiment.fields import Part, field

FAMILIES, OBJECTIVES = "families/images", "objectives/images"


class ImageModel(Part):
    """The model that is pre-trained on pictures and then fine-tuned."""

    family: str = field(
        "resnet", "Family", "Architecture of the model", choices=choices.names("families/images")
    )
    size: Literal["tiny", "small", "base"] = field(
        "tiny",
        "Size",
        "tiny is for minutes on a processor (about a million weights), base the published size",
    )
    patch_size: int = field(
        0,
        "Patch size",
        "Side of the patches that a picture is cut into, in pixels; 0 is an eighth of the side of "
        "the picture, but not less than 4 nor more than 16",
        ge=0,
        le=64,
        only_with=choices.only_with("family", "families/images", "FIELDS", "patch_size"),
    )
