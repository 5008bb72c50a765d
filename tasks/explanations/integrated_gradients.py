"""Gradients of the score, integrated on the straight way from a blank row to the row.

Sundararajan, Taly and Yan 2017, "Axiomatic attribution for deep networks", ICML. On the embeddings
of tokens (which words?, without their positions), or on pixels. What the parts of a row have in sum
is its score without that of the blank row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tasks.models.explaining.subject import RowInParts, Subject

NEEDS: tuple[str, ...] = ()
LIBRARIES: tuple[str, ...] = ("captum",)
WORDS = "integrated gradients (Sundararajan et al. 2017)"
COMPLETE = True

STEPS = (32, 256)  # points on the way, each a forward and a backward pass; more where few miss
MISSED = 0.01  # of the difference of scores, with which the few points are enough
AT_ONCE = 64  # points in a pass


def attribute(subject: Subject, row: RowInParts) -> NDArray[np.float64]:
    """The integral by Gauss and Legendre, in fp32.

    Where the score jumps on the way, few points miss the jump; then more are taken.
    """
    from captum.attr import IntegratedGradients, LayerIntegratedGradients

    varied = subject.VARIED
    others = [name for name in row.inputs if name != varied]

    def forward(given: Any, *rest: Any) -> Any:
        batch = {varied: given} | dict(zip(others, rest, strict=True))
        return subject.scores(batch)[:, row.answer]

    layer = subject.embeddings
    way = (
        IntegratedGradients(forward) if layer is None else LayerIntegratedGradients(forward, layer)
    )
    full, blank = (each[row.answer] for each in subject.ends(row))
    for steps in STEPS:
        found = way.attribute(
            row.inputs[varied],
            baselines=row.blank,
            additional_forward_args=tuple(row.inputs[name] for name in others),
            n_steps=steps,
            internal_batch_size=AT_ONCE,
        )
        own = found[0] if subject.passes(row) == 1 else found.flatten(0, 1)
        values = subject.in_parts(row, subject.over_features(own.detach()))
        if abs(values.sum() - (full - blank)) <= MISSED * abs(full - blank):
            break
    return values
