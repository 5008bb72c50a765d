"""What the loop needs to know of a model and its batches; it reads neither itself.

Text's answers are in `tasks/models/text_computation.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tasks.training.microbatches import Batch, Splitting


@dataclass(frozen=True, kw_only=True)
class Computation:
    """What a batch contains, and how a step with it is computed.

    Attributes:
        rows: examples in a batch.
        slots: places in a batch, with padding.
        filled: places that are not padding.
        unit: what a place is, in the plural, such as `tokens`.
        splitting: how a batch is computed in parts; None: always at once.
        flops: floating-point operations of a step with a batch; None: not counted.
        plain_attention: whether `kernels/attention.py` may compute the attention of the model.
    """

    rows: Callable[[Batch], int]
    slots: Callable[[Batch], int]
    filled: Callable[[Batch], int]
    unit: str
    splitting: Splitting | None = None
    flops: Callable[[Batch], float] | None = None
    plain_attention: bool = False
