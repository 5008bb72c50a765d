"""Rows about training: throughput, quality, the share of the ceiling, fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.rows import Row, faster
from tests.benchmarks.setting import LENGTH
from tests.benchmarks.turns import Measured, in_turn, module, values

THROUGHPUT = {30_522: (6.0, 3.5), 8_192: (3.0, 2.0)}  # targets against fp32, bf16


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    repetitions: int = 3
    peer_steps: int = 23
    our_steps: int = 83
    race_steps: int = 500
    race_repetitions: int = 1


def pretraining(data: Path, scratch: Path, vocabulary: int, effort: Effort) -> list[Row]:
    """Tokens a second against the recipe, in fp32 (its default) and in bf16."""
    commands = {
        "Temper": module(
            "ours.pretraining", "--data", data / str(vocabulary), "--steps", effort.our_steps
        )
    }
    for precision in ("fp32", "bf16"):
        commands[precision] = _peer(data, scratch, vocabulary, effort.peer_steps, precision)
    measured = in_turn(commands, effort.repetitions)
    against = {"fp32": "Trainer, its defaults", "bf16": "Trainer, bf16=True"}
    rows = [
        faster(
            measured,
            "Temper",
            precision,
            "tokens_per_second",
            what=f"pre-training, vocabulary {vocabulary:,}",
            against=against[precision],
            unit="tokens/s",
            target=target,
        )
        for precision, target in zip(against, THROUGHPUT[vocabulary], strict=True)
    ]
    return [*rows, _share(measured, vocabulary)]


def _share(measured: Measured, vocabulary: int) -> Row:
    share = values(measured, "Temper", "ceiling_share")
    return Row(
        what=f"pre-training, vocabulary {vocabulary:,}",
        against="the measured matmul ceiling of bf16",
        unit="of it",
        ours=share,
        theirs=[],
        result=share,
        target=0.45,
        at_least=True,
    )


def _peer(data: Path, scratch: Path, vocabulary: int, steps: int, precision: str) -> list[str]:
    words = ["--corpus", data / "corpus", "--tokenizer", data / str(vocabulary) / "tokenizer"]
    words += ["--cache", scratch / str(vocabulary), "--steps", steps]
    return module("peers.pretraining", *words, *["--bf16"] * (precision == "bf16"))


def quality(data: Path, scratch: Path, vocabulary: int, effort: Effort) -> list[Row]:
    """The loss at equal tokens, and the time to the peer's last loss."""
    evaluation = data / str(vocabulary) / "evaluation.pt"
    ours, theirs, times, losses = [], [], [], []
    for seed in range(effort.race_repetitions):
        peer = _peer(data, scratch, vocabulary, effort.race_steps, "fp32")
        peer += ["--evaluation", str(evaluation), "--seed", str(seed)]
        theirs.append(in_turn({"Trainer, to the end": peer}, 1)["Trainer, to the end"][0])
        words = ["--data", data / str(vocabulary), "--steps", effort.race_steps, "--seed", seed]
        words += ["--evaluation", evaluation, "--until", theirs[-1]["validation_loss"]]
        race = {"Temper, to that loss": module("ours.pretraining", *words)}
        ours.append(in_turn(race, 1)["Temper, to that loss"][0])
        losses.append(ours[-1]["validation_loss"] - theirs[-1]["validation_loss"])
        times.append(ours[-1]["seconds"] / theirs[-1]["seconds"])
    tokens = f"{effort.race_steps:,} steps"
    return [
        Row(
            what=f"validation loss, vocabulary {vocabulary:,}, {tokens}",
            against="Trainer, same tokens",
            unit="nats",
            ours=[found["validation_loss"] for found in ours],
            theirs=[found["validation_loss"] for found in theirs],
            result=losses,
            target=0.02,
            at_least=False,
        ),
        Row(
            what=f"time to Trainer's last validation loss, {tokens}",
            against="Trainer",
            unit="s",
            ours=[found["seconds"] for found in ours],
            theirs=[found["seconds"] for found in theirs],
            result=times,
            target=0.2,
            at_least=False,
        ),
    ]


def finetuning(data: Path, scratch: Path, effort: Effort) -> list[Row]:
    """Samples a second on sentences of natural length."""
    body = data / "8192" / "body"
    ours = ["--data", data / "sentences", "--body", body]
    commands = {"Temper": module("ours.finetuning", *ours)}
    for padding in ("to-128", "dynamic"):
        words = ["--data", data / "sentences", "--tokenizer", body, "--padding", padding]
        words += ["--cache", scratch / "sentences", "--labels", 8]
        commands[padding] = module("peers.finetuning", *words)
    measured = in_turn(commands, effort.repetitions)
    return [
        faster(
            measured,
            "Temper",
            padding,
            "samples_per_second",
            what="fine-tuning, sentences of natural length",
            against=against,
            unit="samples/s",
            target=target,
        )
        for padding, against, target in (
            ("to-128", f"Trainer, padding to {LENGTH}", 8.0),
            ("dynamic", "Trainer, dynamic padding", 2.5),
        )
    ]
