"""The fields that pre-training and fine-tuning share: batches, optimizer, dropout, precision."""

from __future__ import annotations

from typing import Literal

from tasks.experiment.fields import Part, field

Schedule = Literal["linear", "cosine", "constant", "flat"]


class Training(Part):
    """How a model is trained."""

    batch_size: int = field(32, "Batch size", "Examples in a step", ge=1, le=65_536)
    micro_batch_size: int = field(
        0,
        "Micro-batch size",
        "Examples computed at once; gradients add up over the batch; dropout draws other numbers; "
        "0 chooses as many as fit into the machine's memory",
        ge=0,
        le=65_536,
    )
    optimizer: Literal["adamw", "muon"] = field(
        "adamw",
        "Optimizer",
        "adamw, or muon: it orthogonalizes the updates of the layers' matrices and scales them to "
        "the size of AdamW's, so the learning rate and the weight decay mean the same; embeddings, "
        "heads, norms and biases stay with AdamW",
        absent="adamw",
    )
    learning_rate: float = field(1e-3, "Learning rate", "Peak learning rate of AdamW", gt=0, le=1)
    warmup_share: float = field(
        0.1, "Warm-up share", "Share of the steps in which the learning rate rises", ge=0, le=1
    )
    schedule: Schedule = field(
        "linear",
        "Schedule",
        "How the learning rate falls after the warm-up; flat stays at the peak, and falls to 0 in "
        "the last fifth of the training",
    )
    weight_decay: float = field(0.01, "Weight decay", "Decoupled weight decay of AdamW", ge=0, le=1)
    adam_beta2: float = field(
        0.999, "Adam beta 2", "Decay of the second moment of AdamW", gt=0, lt=1
    )
    max_gradient_norm: float = field(
        1.0, "Gradient norm", "Gradients are scaled down to this norm", gt=0, le=10**6
    )
    dropout: float = field(0.0, "Dropout", "Dropout during training", ge=0, lt=1)
    precision: Literal["auto", "fp32", "bf16"] = field(
        "auto", "Precision", "auto is bf16 where the hardware is fast at it, else fp32"
    )
