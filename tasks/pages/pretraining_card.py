"""The page of a pre-training: its loss curves, its numbers, and a few masks filled in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from tasks.pages.figures import Points, draw_curves, write_figure
from tasks.pages.numbers import table


@dataclass(frozen=True)
class Outcome:
    """The results of a pre-training.

    Attributes:
        metrics: the stage's metrics.
        sequences: held-out sequences that the metrics were measured on.
        quick_sequences: the first of them, that the points of the curve were measured on.
        curves: points (step, value) of losses by name.
        examples: held-out sentences with a word hidden, the word, and the model's guesses.
    """

    metrics: dict[str, float]
    sequences: int
    quick_sequences: int
    curves: dict[str, Points]
    examples: list[list[str]]

    @classmethod
    def read(cls, folder: Path) -> Outcome:
        """What stage `pretraining` left in a folder: metrics.json and pretraining.json."""
        metrics, found = (
            json.loads((folder / name).read_text(encoding="utf-8"))
            for name in ("metrics.json", "pretraining.json")
        )
        return cls(metrics, **found)


def show(artifact: Path, out: Path) -> None:
    """Write card.md and loss.png.

    Args:
        artifact: folder of stage `pretraining`.
        out: empty folder.
    """
    outcome = Outcome.read(artifact)
    write_figure(draw_loss(outcome), out / "loss.png")
    page = ["# Pre-training", "", *describe(outcome), ""]
    if outcome.examples:
        page += [table(["held-out sentence", "hidden", "guesses"], outcome.examples), ""]
    (out / "card.md").write_text("\n".join(page), encoding="utf-8")


def draw_loss(outcome: Outcome) -> Figure:
    """Loss of masked tokens in training and on held-out text, beside guessing by frequency."""
    metrics, training = outcome.metrics, outcome.curves["mlm_loss"]
    reference = [(training[end][0], metrics["unigram_loss"]) for end in (0, -1)]
    return draw_curves(
        f"Masked tokens: {metrics['validation_loss']:.2f} nats on held-out text",
        f"Cross-entropy a masked token; guessing by frequency has {metrics['unigram_loss']:.2f}; "
        f"curve on {outcome.quick_sequences:,} of the {outcome.sequences:,} held-out sequences",
        {
            "training": training,
            "held out": outcome.curves["quick_validation_loss"],
            "by frequency": reference,
        },
        x="step",
        y="nats",
    )


def describe(outcome: Outcome) -> Iterator[str]:
    """The numbers, one per line."""
    metrics = outcome.metrics
    yield (
        f"{metrics['parameters']:,.0f} parameters have seen {metrics['tokens']:,.0f} tokens: "
        f"{metrics['epochs']:.2f} passes over the corpus."
    )
    yield ""
    yield (
        f"- held-out masked tokens: {metrics['validation_loss']:.3f} nats (perplexity "
        f"{metrics['perplexity']:.1f}), {100 * metrics['masked_accuracy']:.1f} % correct, on "
        f"{outcome.sequences:,} sequences; guessing by frequency has {metrics['unigram_loss']:.3f}"
    )
    if "nsp_accuracy" in metrics:
        yield (
            f"- held-out sentence pairs: {metrics['nsp_loss']:.3f} nats (a coin: 0.693), "
            f"{100 * metrics['nsp_accuracy']:.1f} % correct"
        )
