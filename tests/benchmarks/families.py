"""Rows about each family: tokens a second against the recipe, of the same network."""

from __future__ import annotations

from pathlib import Path

from tasks import families
from tasks.experiment import choices
from tests.benchmarks.rows import Row
from tests.benchmarks.setting import Shape
from tests.benchmarks.training import Effort, against_peers, peer
from tests.benchmarks.turns import in_turn, stage
from tests.benchmarks.vocabulary import Vocabulary

PEER = "Trainer, its defaults"
MASKED_TARGET, DECODER_TARGET = 3.0, 2.5


def every_family(vocabulary: Vocabulary, scratch: Path, effort: Effort) -> list[Row]:
    """Tokens a second of each family but `bert`, which has rows of its own."""
    rows = []
    for name in families.names():
        if name == "bert":
            continue
        print(f"    {name}", flush=True)
        shape = Shape(family=name).words()
        words = ["--data", vocabulary.folder, "--steps", effort.our_steps, *shape]
        commands = {
            "Temper": stage("ours.pretraining", *words),
            PEER: [*peer(vocabulary, scratch, effort.peer_steps), *shape],
        }
        measured = in_turn(commands, effort.repetitions)
        decodes = choices.is_decoder(name)
        what = f"pre-training, {name}, {'clm' if decodes else 'mlm'}, {vocabulary.words}"
        rows += against_peers(measured, what, {PEER: DECODER_TARGET if decodes else MASKED_TARGET})
    return rows
