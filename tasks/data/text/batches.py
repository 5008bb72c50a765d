"""What a batch of text contains: rows of tokens, some of them padding."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tasks.data.text.length_buckets import Batch

UNIT = "tokens"


def rows(batch: Batch) -> int:
    """Sequences in a batch."""
    return len(batch["input_ids"])


def slots(batch: Batch) -> int:
    """Tokens in a batch, with padding."""
    return batch["input_ids"].numel()


def filled(batch: Batch) -> int:
    """Tokens in a batch, without padding: `attention_mask` is 0 there."""
    return int(batch["attention_mask"].sum()) if "attention_mask" in batch else slots(batch)
