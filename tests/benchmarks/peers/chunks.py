"""Chunks of tokens as transformers' `run_mlm.py` makes them."""

from __future__ import annotations

from itertools import chain

from tests.benchmarks.setting import LENGTH


def group_texts(
    examples: dict[str, list[list[int]]], length: int = LENGTH
) -> dict[str, list[list[int]]]:
    """Concatenate, and cut into chunks; the rest is dropped."""
    joined = {name: list(chain(*rows)) for name, rows in examples.items()}
    total = len(next(iter(joined.values()))) // length * length
    return {
        name: [row[i : i + length] for i in range(0, total, length)] for name, row in joined.items()
    }
