"""The parts `pretraining` and `checkpoints`: how a model learns from unlabelled data."""

from __future__ import annotations

from typing import Literal

from tasks.experiment import choices
from tasks.experiment.fields import Part, as_in, field
from tasks.experiment.training import Training

COOCCURRENCE = "cooccurrence"
NEW = {"start": ("",)}  # counts with an encoder from random weights


class Aim(Part):
    """What pre-training learns, on which sequences, and for how long."""

    objective: str = field(
        "mlm+nsp",
        "Objective",
        "mlm is masked language modelling (RoBERTa); mlm+nsp adds next-sentence prediction (BERT); "
        "rtd predicts which tokens a small generator replaced (ELECTRA); clm predicts the next "
        "token, with a decoder (GPT-2); clm+apart: the same, and documents do not see each other",
        choices=choices.names("objectives"),
    )
    steps: int = field(
        2500, "Steps", "Optimizer steps; 0, no pre-training, only with `start`", ge=0, le=10**9
    )
    minutes: float = field(
        0.0,
        "Minutes",
        "Limit of training time; training stops at `steps` or at this limit, whichever comes "
        "first; the learning rate follows whichever is further along, so the number of steps "
        "depends on the machine; 0 is no limit",
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
    masking: Literal["tokens", "words"] = field(
        "tokens",
        "Masking",
        "What is hidden: single tokens, or all tokens of a word together, which is harder to "
        "predict; as many tokens either way. Validation hides single tokens",
        absent="tokens",
        only_with=choices.only_with("objective", "objectives", "FIELDS", "masking"),
    )


class Pretraining(Training, Aim):
    """How the encoder is pre-trained on text."""

    embeddings: Literal["random", "cooccurrence"] = field(
        "random",
        "Embeddings",
        "Embeddings that training begins with; cooccurrence counts which tokens occur near each "
        "other, much faster than training, and gives those with similar neighbours similar vectors",
        absent="random",
        only_with=NEW,
    )
    cooccurrence_window: int = field(
        5,
        "Co-occurrence window",
        "Tokens to each side that count as near: with few, tokens of the same kind get similar "
        "vectors, with many, those of the same topic",
        ge=1,
        le=1000,
        absent=5,
        only_with={"embeddings": (COOCCURRENCE,)},
    )

    batch_size: int = as_in(Training, "batch_size", default=64, description="Sequences in a step")
    micro_batch_size: int = as_in(
        Training,
        "micro_batch_size",
        description="Sequences computed at once; gradients add up over the batch; dropout draws "
        "other numbers; 0 chooses as many as fit into the machine's memory",
    )
    warmup_share: float = as_in(Training, "warmup_share", default=0.06)
    adam_beta2: float = as_in(Training, "adam_beta2", default=0.98)
    dropout: float = as_in(
        Training,
        "dropout",
        description="Dropout during pre-training; 0 is faster, and better in a single epoch",
    )
    validation_sequences: int = field(
        2048,
        "Validation sequences",
        "Number of held-out sequences for the validation loss",
        ge=1,
        le=10**6,
    )
    probe: bool = field(
        False,
        "Probe",
        "At each point of the validation curve, tell how many validation texts of the first "
        "problem of text-classification have the label of the training text with the nearest "
        "features: shows early whether the encoder learns what that problem needs",
        absent=False,
    )
    log_every: int = field(
        25,
        "Steps between points",
        "Steps between two points of the training curves",
        ge=1,
        le=10**9,
        in_key=False,
    )


class Checkpoints(Part):
    """How often a training writes a checkpoint, which limits the loss after a kill."""

    every_steps: int = field(
        0,
        "Steps between checkpoints",
        "Steps between two checkpoints; 0 uses only the time",
        in_key=False,
        ge=0,
        le=10**9,
    )
    every_minutes: float = field(
        0.5,
        "Minutes between checkpoints",
        "Minutes between two checkpoints, more if writing one takes long; steps or minutes, "
        "whichever comes first",
        in_key=False,
        gt=0,
        le=10**6,
    )
