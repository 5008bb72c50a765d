"""How to compute the steps of a training on text, and their cost, by the model's family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from tasks import families
from tasks.data.text import batches
from tasks.families import Family
from tasks.training import flops, memory
from tasks.training.computation import Computation
from tasks.training.flops import Product
from tasks.training.kernels.attention import is_plain
from tasks.training.loop import Precision, device_name, resolve_precision
from tasks.training.microbatches import Batch, Splitting


def text_computation(
    model: Any,
    *,
    head: Callable[[Any, Batch], list[Product]],
    split: Callable[[Batch, int], list[Batch]],
    counts: Callable[[Batch], dict[str, int]],
    micro_batch_size: int,
    batch_size: int,
    length: int,
    row: Sequence[Product],
    precision: Precision,
    frozen: bool = False,
    copies: int = 0,
    encoders: Sequence[Any] = (),
    recomputes: bool = False,
) -> Computation:
    """How to compute steps with batches of text on this machine.

    Args:
        model: of transformers, of a family of `tasks.families`.
        head: the matrix products of the head, for a batch.
        split: splits a batch into parts with a limit of rows.
        counts: the count that each addend of the loss is a mean over in a batch, by its name.
        micro_batch_size: rows computed at once; 0: as many as fit into memory.
        batch_size: rows in a batch.
        length: tokens in the longest row.
        row: the products behind the encoder for one such row.
        precision: of the training.
        frozen: the encoder learns nothing, so that it has no backward pass.
        copies: of the weights that are kept beside those of the optimizer.
        encoders: the configurations of the encoders that a batch passes through; empty: the
            model's own.
        recomputes: layers are computed again in the backward pass, so that less is kept. The
            operations of a step are counted without that, as those of a model are (Chowdhery et
            al. 2022, "PaLM", appendix B).
    """
    config, known = model.config, resolve_precision(precision)
    each = [(families.load(one.model_type), one) for one in encoders or [config]]
    taken = 0
    for family, one in each:
        kept = _bytes(family, one, length, known)
        size = (one.num_hidden_layers, one.hidden_size, length)
        taken += memory.of_recomputed(kept, *size) if recomputes else kept
    taken += memory.of_products(row)
    fit = memory.fitting_rows(model, batch_size, taken, memory.COPIES + copies)

    def count(batch: Batch) -> float:
        rows, columns = batch["input_ids"].shape
        passed = sum(family.encoder_flops(one, rows, columns) for family, one in each)
        behind = flops.of_products(head(config, batch))
        return passed + flops.of_step(behind) if frozen else flops.of_step(passed + behind)

    return Computation(
        rows=batches.rows,
        slots=batches.slots,
        filled=batches.filled,
        unit=batches.UNIT,
        splitting=Splitting(
            rows=micro_batch_size or fit,
            automatic=not micro_batch_size,
            split=split,
            counts=counts,
        ),
        flops=count,
        plain_attention=families.load(config.model_type).PLAIN_ATTENTION,
    )


def _bytes(family: Family, config: Any, length: int, precision: Literal["fp32", "bf16"]) -> int:
    """Memory of a row in an encoder."""
    plain = family.PLAIN_ATTENTION and is_plain(config, precision, device_name())
    return family.encoder_bytes(config, length, bf16=precision == "bf16", plain_attention=plain)
