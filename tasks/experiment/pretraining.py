"""The parts `pretraining` and `checkpoints`: how a model learns from unlabelled data."""

from __future__ import annotations

from tasks.experiment import choices
from tasks.experiment.fields import Part, as_in, field
from tasks.experiment.training import Training


class Aim(Part):
    """What pre-training learns, of which sequences, and for how long."""

    objective: str = field(
        "mlm+nsp",
        "Objective",
        "mlm is masked language modelling (RoBERTa); mlm+nsp adds next-sentence prediction (BERT)",
        choices=choices.names("objectives"),
    )
    steps: int = field(2500, "Steps", "Optimizer steps", ge=1, le=10**9)
    minutes: float = field(
        0.0,
        "Minutes",
        "Minutes of training after which it ends, if it has not made its steps before; the "
        "learning rate then follows the time too, and the number of steps depends on the machine; "
        "0 is no bound",
        ge=0,
        le=10**6,
    )
    sequence_length: int = field(
        128, "Sequence length", "Tokens in a sequence, special tokens included", ge=8, le=32_768
    )
    masking_share: float = field(
        0.15,
        "Masking share",
        "Share of the tokens to predict",
        gt=0,
        lt=1,
        only_with=choices.only_with("objective", "objectives", "FIELDS", "masking_share"),
    )


class Pretraining(Training, Aim):
    """How the body learns from text alone."""

    batch_size: int = as_in(Training, "batch_size", default=64, description="Sequences in a step")
    micro_batch_size: int = as_in(
        Training,
        "micro_batch_size",
        description="Sequences computed at once, their gradients added up to the batch's; with "
        "dropout other numbers are drawn; 0 takes as many as fit into the machine's memory",
    )
    warmup_share: float = as_in(Training, "warmup_share", default=0.06)
    adam_beta2: float = as_in(Training, "adam_beta2", default=0.98)
    dropout: float = as_in(
        Training,
        "dropout",
        description="Dropout while pre-training; none is faster and better in one epoch",
    )
    validation_sequences: int = field(
        2048,
        "Validation sequences",
        "Held-out sequences that the validation loss is measured on",
        ge=1,
        le=10**6,
    )
    log_every: int = field(
        25,
        "Log every",
        "Steps between two points of the training curves",
        ge=1,
        le=10**9,
        in_key=False,
    )


class Checkpoints(Part):
    """How often a training writes down where it is: what a killed one loses at most."""

    every_steps: int = field(
        0,
        "Every steps",
        "Steps from one checkpoint to the next; 0 leaves it to the time alone",
        in_key=False,
        ge=0,
        le=10**9,
    )
    every_minutes: float = field(
        0.5,
        "Every minutes",
        "Minutes from one checkpoint to the next, more where writing one takes long; steps or "
        "minutes, whichever comes first",
        in_key=False,
        gt=0,
        le=10**6,
    )
