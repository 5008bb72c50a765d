"""The parts `pretraining` and `checkpoints`: how a model learns from unlabelled data."""

from __future__ import annotations

from typing import Literal

from tasks.experiment.fields import Part, field


class Pretraining(Part):
    """How the body learns from text alone."""

    objective: Literal["mlm+nsp", "mlm"] = field(
        "mlm+nsp",
        "Objective",
        "mlm is masked language modelling (RoBERTa); mlm+nsp adds next-sentence prediction (BERT)",
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
    batch_size: int = field(64, "Batch size", "Sequences in a step", ge=1, le=65_536)
    micro_batch_size: int = field(
        0,
        "Micro-batch size",
        "Sequences computed at once, their gradients added up to the batch's; with dropout other "
        "numbers are drawn; 0 takes as many as fit into the machine's memory",
        ge=0,
        le=65_536,
    )
    sequence_length: int = field(
        128, "Sequence length", "Tokens in a sequence, special tokens included", ge=8, le=32_768
    )
    learning_rate: float = field(1e-3, "Learning rate", "Peak learning rate of AdamW", gt=0, le=1)
    warmup_share: float = field(
        0.06, "Warm-up share", "Share of the steps in which the learning rate rises", ge=0, le=1
    )
    schedule: Literal["linear", "cosine", "constant"] = field(
        "linear", "Schedule", "How the learning rate falls after the warm-up"
    )
    weight_decay: float = field(0.01, "Weight decay", "Decoupled weight decay of AdamW", ge=0, le=1)
    adam_beta2: float = field(
        0.98, "Adam beta 2", "Decay of the second moment of AdamW", gt=0, lt=1
    )
    max_gradient_norm: float = field(
        1.0, "Gradient norm", "Gradients are scaled down to this norm", gt=0, le=10**6
    )
    dropout: float = field(
        0.0,
        "Dropout",
        "Dropout while pre-training; none is faster and better in one epoch",
        ge=0,
        lt=1,
    )
    masking_share: float = field(
        0.15, "Masking share", "Share of the tokens to predict", gt=0, lt=1
    )
    validation_sequences: int = field(
        2048,
        "Validation sequences",
        "Held-out sequences that the validation loss is measured on",
        ge=1,
        le=10**6,
    )
    precision: Literal["auto", "fp32", "bf16"] = field(
        "auto", "Precision", "auto is bf16 where the hardware is fast at it, else fp32"
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
