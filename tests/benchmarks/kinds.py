"""Kinds of operations of a training step, by their names in PyTorch's profiler."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

KINDS = {
    "matrix products": r"mm|addmm|bmm|baddbmm|linear|matmul|scaleddotproduct.*|.*attention.*",
    "softmax and loss": r"(log)?softmax(data)?|crossentropy.*|nllloss.*|exp|amax|sub|gather|log"
    r"|scatteradd|clamp",
    "GELU": r"gelu",
    "layer norm": r"(native)?layernorm",
    "optimizer, norm of the gradients": r"fusedadamw|optimizer.*|foreach.*|linalgvectornorm"
    r"|reciprocal|item|localscalardense",
    "embeddings, rows chosen": r"embedding.*|index.*|nonzero|maskedselect",
    "copies, casts, views": r"copy|tocopy|to|clone|contiguous|cat|stack|empty.*|newempty.*|resize"
    r"|view|unsafeview|reshapealias|reshape|asstrided|transpose|t|permute|expand|slice|select"
    r"|squeeze|unsqueeze|flatten|unbind|split.*|detach|liftfresh|resolve(conj|neg)",
    "sums and products": r"r?add|sum|mean|mul|div|neg|fill|maskedfill|zero|(new)?zeros(like)?"
    r"|(new)?ones(like)?|(new)?full(like)?|accumulategrad|where|eq|ne|ge|random|bernoulli|dropout",
}
_AROUND = re.compile(r"autograd::engine::evaluate_function: |backward\d*|_", re.IGNORECASE)


def kind_of(operation: str) -> str:
    """The kind of an operation such as `aten::addmm`, backwards too: `AddmmBackward0`."""
    name = _AROUND.sub("", operation).rpartition("::")[2].lower()
    for kind, names in KINDS.items():
        if re.fullmatch(names, name):
            return kind
    return "other operations"


def shares(events: Iterable[Any], seconds: float) -> dict[str, float]:
    """Each kind's share of the time, the largest first; what is left is no operation."""
    found: dict[str, float] = {}
    for event in events:
        kind = kind_of(event.key)
        found[kind] = found.get(kind, 0.0) + event.self_cpu_time_total / 1e6 / seconds
    found["no operation: Python, batches"] = max(0.0, 1 - sum(found.values()))
    return dict(sorted(found.items(), key=lambda pair: -pair[1]))
