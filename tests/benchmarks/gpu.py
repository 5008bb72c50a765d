"""Rows about BERT-base on a GPU: tokens a second against the recipe, and the share of the peak."""

from __future__ import annotations

import os
from pathlib import Path

from tests.benchmarks.rows import Row
from tests.benchmarks.setting import Shape
from tests.benchmarks.training import against_peers, peer, share_of_ceiling
from tests.benchmarks.turns import in_turn, stage
from tests.benchmarks.vocabulary import Vocabulary

LENGTHS = (128, 512)
STEPS = 63
PEERS = {"Trainer, bf16=True": ["--bf16"], "the same, torch_compile=True": ["--bf16", "--compile"]}


def gpu(vocabulary: Vocabulary, scratch: Path, repetitions: int, steps: int = STEPS) -> list[Row]:
    """Tokens a second in bf16 on one GPU; the peer as it is, and compiled."""
    # With more GPUs, Trainer would take larger batches; Temper takes one.
    one = {"CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]}
    rows = []
    for length in LENGTHS:
        shape = Shape(layers=12, width=768, heads=12, length=length)
        words = ["--data", vocabulary.folder, "--steps", steps, *shape.words()]
        commands = {"Temper": stage("ours.pretraining", *words)}
        for name, options in PEERS.items():
            commands[name] = [*peer(vocabulary, scratch, steps), *options, *shape.words()]
        measured = in_turn(commands, repetitions, one)
        what = f"GPU: BERT-base, T = {length}, bf16, {vocabulary.words}"
        rows += against_peers(measured, what, dict.fromkeys(PEERS, 2.0))
        rows.append(share_of_ceiling(measured, what, target=None))
    return rows
