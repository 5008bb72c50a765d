"""Rows about training: throughput, quality, the share of the ceiling, fine-tuning, a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import sub, truediv
from pathlib import Path
from typing import Any

from tasks.training.loop import resolve_precision
from tests.benchmarks.data import LIBRARIES
from tests.benchmarks.evaluation import frequency_loss
from tests.benchmarks.rows import Row, faster
from tests.benchmarks.setting import LENGTH
from tests.benchmarks.turns import Measured, in_turn, module, ratios, run, stage, values
from tests.benchmarks.vocabulary import Vocabulary

# Targets of tokens a second, against fp32 and bf16.
LARGE_TARGETS = (6.0, 3.5)  # vocabulary of about 30,000
SMALL_TARGETS = (3.0, 2.0)  # of 8,192
PADDINGS: dict[str, tuple[list[str], float | None]] = {
    f"Trainer, padding to {LENGTH}, fp32 (its default)": (["--padding", "to-128"], 8.0),
    "Trainer, dynamic padding, fp32 (its default)": (["--padding", "dynamic"], 2.5),
    "Trainer, dynamic padding, bf16=True": (["--padding", "dynamic", "--bf16"], None),
}
PEERS = {"Trainer, its defaults": [], "Trainer, bf16=True": ["--bf16"]}


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    repetitions: int = 3
    peer_steps: int = 23
    our_steps: int = 83
    sentences: str = "sentences"  # folder of those to fine-tune on
    race_steps: int = 1000  # the recipe stays at the frequencies of tokens for hundreds
    race_repetitions: int = 3
    picture_steps: int = 300  # of the race on pictures; 0 leaves it out
    worth_seeds: int = 3  # each pre-trains for all of `MINUTES`, on two corpora


def pretraining(
    vocabulary: Vocabulary, scratch: Path, targets: tuple[float, float], effort: Effort
) -> list[Row]:
    """Tokens a second against the recipe, in fp32 (its default) and in bf16."""
    words = ["--data", vocabulary.folder, "--steps", effort.our_steps]
    commands = {"Temper": stage("ours.pretraining", *words)}
    for name, options in PEERS.items():
        commands[name] = [*peer(vocabulary, scratch, effort.peer_steps), *options]
    measured = in_turn(commands, effort.repetitions)
    what = f"pre-training, {vocabulary.words}"
    rows = against_peers(measured, what, dict(zip(PEERS, targets, strict=True)))
    return [*rows, share_of_ceiling(measured, what, target=0.45)]


def against_peers(measured: Measured, what: str, targets: Mapping[str, float]) -> list[Row]:
    """Tokens a second against each peer, by its name with its target."""
    return [
        faster(
            measured,
            "Temper",
            name,
            "tokens_per_second",
            what=what,
            against=name,
            unit="tokens/s",
            target=target,
        )
        for name, target in targets.items()
    ]


def share_of_ceiling(measured: Measured, what: str, target: float | None) -> Row:
    """How much of the arithmetic that the machine can do at most Temper does."""
    done = values(measured, "Temper", "gigaflops_per_second")
    ceilings = values(measured, "Temper", "ceiling")
    return Row(
        what=what,
        against=f"the ceiling of {resolve_precision('auto')} products (beside it), measured before "
        "and after",
        unit="GFLOP/s",
        ours=done,
        theirs=ceilings,
        result=ratios(done, ceilings),
        target=target,
        at_least=True,
    )


def peer(vocabulary: Vocabulary, scratch: Path, steps: int) -> list[str]:
    """The command that trains as many steps with Trainer."""
    words = ["--corpus", vocabulary.data / "corpus", "--tokenizer", vocabulary.folder / "tokenizer"]
    words += ["--cache", scratch / vocabulary.folder.name, "--steps", steps]
    return module("peers.pretraining", *words)


def quality(vocabulary: Vocabulary, scratch: Path, effort: Effort) -> list[Row]:
    """The loss at equal tokens, and the time to the peer's last loss.

    Where a peer learnt no more than the frequencies of tokens, which Temper begins with, the time
    to its loss would tell nothing and is left out.
    """
    evaluation = vocabulary.folder / "evaluation.pt"
    ours, theirs = [], []
    for seed in range(effort.race_repetitions):
        trainer = peer(vocabulary, scratch, effort.race_steps)
        trainer += ["--evaluation", str(evaluation), "--seed", str(seed)]
        theirs.append(in_turn({"Trainer, to the end": trainer}, 1)["Trainer, to the end"][0])
        words = ["--data", vocabulary.folder, "--steps", effort.race_steps, "--seed", seed]
        words += ["--evaluation", evaluation, "--until", theirs[-1]["validation_loss"]]
        race = {"Temper, to that loss": stage("ours.pretraining", *words)}
        ours.append(in_turn(race, 1)["Temper, to that loss"][0])

    def row(what: str, figure: str, result: Callable[[float, float], float], **told: Any) -> Row:
        mine, other = ([found[figure] for found in side] for side in (ours, theirs))
        return Row(
            what=f"{what}, {effort.race_steps:,} steps",
            ours=mine,
            theirs=other,
            result=list(map(result, mine, other)),
            at_least=False,
            **told,
        )

    loss = row(
        f"validation loss, {vocabulary.words}",
        "validation_loss",
        sub,
        against="Trainer, same tokens; each with its own beginning (Temper: the frequencies of "
        "tokens), dropout and Adam",
        unit="nats",
        target=0.02,
    )
    time = row(
        "time to Trainer's last validation loss",
        "seconds",
        truediv,
        against="Trainer",
        unit="s",
        target=0.2,
    )
    tells = max(loss.theirs) < frequency_loss(vocabulary.folder)
    return [loss, time] if tells else [loss]


def frequencies_alone(vocabulary: Vocabulary) -> str:
    """What the losses of `quality` are to be read against."""
    loss = frequency_loss(vocabulary.folder)
    return (
        f"Validation loss of guessing by the frequencies of the tokens alone, {vocabulary.words}: "
        f"{loss:.3g} nats. Models whose losses are not well below it have learnt little else."
    )


def finetuning(vocabulary: Vocabulary, scratch: Path, effort: Effort) -> list[Row]:
    """Samples a second on sentences of natural length."""
    sentences, body = vocabulary.data / effort.sentences, vocabulary.folder / "body"
    commands = {"Temper": stage("ours.finetuning", "--data", sentences, "--body", body)}
    for name, (options, _) in PADDINGS.items():
        words = ["--data", sentences, "--tokenizer", body, *options]
        words += ["--cache", scratch / effort.sentences, "--labels", LIBRARIES]
        commands[name] = module("peers.finetuning", *words)
    measured = in_turn(commands, effort.repetitions)
    precision = resolve_precision("auto")
    return [
        faster(
            measured,
            "Temper",
            name,
            "samples_per_second",
            what=f"fine-tuning, sentences of natural length, precision auto: {precision}",
            against=name,
            unit="samples/s",
            target=target,
        )
        for name, (_, target) in PADDINGS.items()
    ]


def profile(large: Vocabulary, small: Vocabulary) -> list[str]:
    """Where a step's time goes: a line for pre-training with each vocabulary, and fine-tuning."""
    tuning = ["--data", small.data / "sentences", "--body", small.folder / "body", "--profile"]
    workers = {
        f"pre-training, {large.words}": stage("ours.steps", "--data", large.folder),
        f"pre-training, {small.words}": stage("ours.steps", "--data", small.folder),
        "fine-tuning, sentences of natural length": stage("ours.finetuning", *tuning),
    }
    lines = []
    for what, command in workers.items():
        print(f"    {what}", flush=True)
        shares = run(command)
        told = ", ".join(f"{kind} {share:.0%}" for kind, share in shares.items() if kind != "wall")
        lines.append(f"Where a step's time goes ({what}): {told}".replace("%", " %"))
    return lines
