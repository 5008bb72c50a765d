"""How to compute the steps of a training on text, and their cost, by the model's family."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tasks import families
from tasks.data.text import batches
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
    """
    config, family = model.config, families.load(model.config.model_type)
    known, device = resolve_precision(precision), device_name()
    plain = family.PLAIN_ATTENTION and is_plain(config, known, device)
    taken = family.encoder_bytes(config, length, bf16=known == "bf16", plain_attention=plain)
    fit = memory.fitting_rows(model, batch_size, taken + memory.of_products(row))

    def count(batch: Batch) -> float:
        rows, columns = batch["input_ids"].shape
        encoder = family.encoder_flops(config, rows, columns)
        behind = flops.of_products(head(config, batch))
        if frozen:
            return encoder + flops.of_step(behind)
        return flops.of_step(encoder + behind)

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
        plain_attention=family.PLAIN_ATTENTION,
    )
