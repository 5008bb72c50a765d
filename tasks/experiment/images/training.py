"""The part `pretraining` of an experiment on images, and what its trainings share."""

from __future__ import annotations

from tasks.experiment import choices
from tasks.experiment.fields import Part, as_in, field
from tasks.experiment.pretraining import Aim, Pretraining
from tasks.experiment.training import Schedule, Training


class Augmentation(Part):
    """How pictures are varied while a model learns, anew in each epoch."""

    crop: float = field(
        0.7,
        "Crop",
        "Smallest side of the part of a picture that is shown, as a share of its side; 1 shows all",
        gt=0,
        le=1,
    )
    shift: float = field(
        0.1, "Shift", "Largest shift, as a share of the side; beyond the edge is black", ge=0, le=1
    )
    flip: bool = field(
        True, "Flip", "Mirror half of the pictures; set false where left and right differ"
    )
    rotation: float = field(10.0, "Rotation", "Largest rotation, in degrees", ge=0, le=180)
    shear: float = field(0.0, "Shear", "Largest shear, as a slope", ge=0, le=1)
    colour: float = field(
        0.2,
        "Colour",
        "Largest change of brightness, of contrast and of each channel, as a share",
        ge=0,
        lt=1,
    )
    blur: float = field(
        0.0,
        "Blur",
        "Share of the pictures that are reduced to a half or a quarter of their size, and enlarged",
        ge=0,
        le=1,
    )
    erase: float = field(
        0.0,
        "Erase",
        "Share of the pictures of which a random rectangle is erased (2 to 20 % of the area)",
        ge=0,
        le=1,
    )
    mixup: float = field(
        0.0,
        "Mixup",
        "Each picture is mixed with another one of its batch, and their labels with it, in shares "
        "drawn from a beta distribution with this number twice (0.2 mixes little, 1 evenly); 0 "
        "mixes nothing",
        ge=0,
        le=100,
        absent=0.0,
        only_with={
            **choices.only_with("objective", "objectives/images", "FIELDS", "mixup"),
            **choices.of_pictures_with("label"),
        },
    )


class ImagePretraining(Training):
    """What pre-training on pictures learns, and for how long."""

    objective: str = field(
        "classification",
        "Objective",
        "classification learns the labels of the pictures; simclr, without labels, to recognize "
        "two views of one picture; masked-image, without labels, to fill in hidden patches",
        choices=choices.names("objectives/images"),
    )
    steps: int = as_in(Aim, "steps", default=2000)
    minutes: float = as_in(Aim, "minutes")
    augmentation: Augmentation = field(
        Augmentation(), "Augmentation", "How pictures are varied while learning"
    )
    temperature: float = field(
        0.2,
        "Temperature",
        "Divides the similarities of views",
        gt=0,
        le=10,
        only_with=choices.only_with("objective", "objectives/images", "FIELDS", "temperature"),
    )
    masking_share: float = field(
        0.5,
        "Masking share",
        "Share of the patches that are hidden",
        gt=0,
        lt=1,
        only_with=choices.only_with("objective", "objectives/images", "FIELDS", "masking_share"),
    )
    batch_size: int = as_in(Training, "batch_size", default=128, description="Pictures in a step")
    micro_batch_size: int = as_in(
        Training,
        "micro_batch_size",
        description="Pictures computed at once; gradients add up over the batch, and a batch norm "
        "sees each part alone; 0 computes a batch at once",
    )
    learning_rate: float = as_in(Training, "learning_rate", default=3e-3)
    schedule: Schedule = as_in(Training, "schedule", default="cosine")
    weight_decay: float = as_in(Training, "weight_decay", default=0.05)
    warmup_share: float = as_in(Training, "warmup_share", default=0.06)
    validation_pictures: int = field(
        2048,
        "Validation pictures",
        "Number of held-out pictures for the validation loss",
        ge=1,
        le=10**6,
    )
    log_every: int = as_in(Pretraining, "log_every")
