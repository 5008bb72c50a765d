"""The page of a pre-training: its loss curves, its numbers, and what the model does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from tasks.machinery.naming.markdown import escaped
from tasks.pages.figures import Points, draw_curves, write_figure
from tasks.pages.numbers import table

START = "start_loss"  # as stage `pretraining` calls it
FORMATS = {"nats": ".3f", "bits": ".3f", "share": ".1%", "number": ",.1f"}  # by unit


@dataclass(frozen=True)
class Outcome:
    """The results of a pre-training.

    Attributes:
        metrics: the stage's metrics.
        family: of the model, as transformers calls it.
        measured: the metrics of the objective, in their order: name, words, unit, better.
        sequences: held-out sequences that the metrics were measured on.
        quick_sequences: the first of them, that the points of the curve were measured on.
        curves: points (step, value) of the losses, in training and held out.
        reference: the reference for the losses: its name, and a metric.
        header: names of the columns of `examples`.
        examples: the model's output on held-out text.
        medium: what is learnt from: text or pictures.
        probe: points (step, accuracy) of the probe of texts, and what they are to be compared with;
            empty if there was none.
    """

    metrics: dict[str, float]
    family: str
    measured: list[dict[str, str]]
    sequences: int
    quick_sequences: int
    curves: dict[str, Points]
    reference: list[str]
    header: list[str]
    examples: list[list[str]]
    medium: str = "text"
    probe: dict[str, Any] = field(default_factory=dict)

    @property
    def of_pictures(self) -> bool:
        """Whether it was on pictures."""
        return self.medium == "pictures"

    @property
    def rows(self) -> str:
        """What the metrics were measured on, in the plural."""
        return "pictures" if self.of_pictures else "sequences"

    @property
    def seen(self) -> str:
        """What the model has seen, in the plural: a metric of the stage."""
        return "pictures" if self.of_pictures else "tokens"

    @classmethod
    def read(cls, folder: Path) -> Outcome:
        """What stage `pretraining` left in a folder: metrics.json and pretraining.json."""
        metrics, found = (
            json.loads((folder / name).read_text(encoding="utf-8"))
            for name in ("metrics.json", "pretraining.json")
        )
        config = json.loads((folder / "model" / "config.json").read_text(encoding="utf-8"))
        return cls(metrics, config["model_type"], **found)


def show(artifact: Path, out: Path) -> None:
    """Write card.md and loss.png; probe.png if labels were probed.

    Args:
        artifact: folder of stage `pretraining`.
        out: empty folder.
    """
    outcome = Outcome.read(artifact)
    write_figure(draw_loss(outcome), out / "loss.png")
    if outcome.probe:
        write_figure(draw_probe(outcome), out / "probe.png")
    page = ["# Pre-training", "", *describe(outcome), ""]
    if outcome.examples:
        page += [table(outcome.header, outcome.examples), ""]
    (out / "card.md").write_text("\n".join(page), encoding="utf-8")


def draw_loss(outcome: Outcome) -> Figure:
    """The loss in training and on held-out text, beside what it is compared with."""
    metrics, training = outcome.metrics, outcome.curves["training"]
    name, metric = outcome.reference
    unit = outcome.measured[0]["unit"]  # that of `validation_loss`, which is first
    return draw_curves(
        f"Pre-training: {metrics['validation_loss']:.2f} {unit} on held-out {outcome.medium}",
        f"{name} {metrics[metric]:.2f} {unit}; curve on {outcome.quick_sequences:,} of the "
        f"{outcome.sequences:,} held-out {outcome.rows}",
        {
            "training": training,
            "held out": outcome.curves["held out"],
            name: [(training[end][0], metrics[metric]) for end in (0, -1)],
        },
        x="step",
        y=unit,
    )


def draw_probe(outcome: Outcome) -> Figure:
    """How many texts have the label of their nearest neighbour, as the encoder learns."""
    probe, points = outcome.probe, outcome.probe["points"]
    name = "the most frequent label"
    return draw_curves(
        f"Probe: {outcome.metrics['probe_accuracy']:.1%} of the labels at the end",
        f"of {probe['asked']:,} validation texts, by the nearest of {probe['known']:,} training "
        f"texts; {name} is {probe['most_frequent']:.1%}",
        {
            name: [(points[end][0], probe["most_frequent"]) for end in (0, -1)],
            "nearest neighbour": points,
        },
        x="step",
        y="share with their label",
    )


def describe(outcome: Outcome) -> Iterator[str]:
    """The numbers, one per line."""
    metrics = outcome.metrics
    yield (
        f"A {escaped(outcome.family)} of {metrics['parameters']:,.0f} parameters has seen "
        f"{metrics[outcome.seen]:,.0f} {outcome.seen}: "
        f"{metrics['epochs']:.2f} passes over the {'set' if outcome.of_pictures else 'corpus'}. On "
        f"{outcome.sequences:,} held-out {outcome.rows}:"
    )
    yield ""
    for words, value in numbers_of(outcome):
        yield f"- {escaped(words)}: {value}"


def numbers_of(outcome: Outcome) -> list[list[str]]:
    """The metrics of the objective as words and numbers.

    After the first, the loss, also that of the model to start from before the training.
    """
    found = [
        [metric["words"], format(outcome.metrics[metric["name"]], FORMATS[metric["unit"]])]
        for metric in outcome.measured
        if metric["name"] in outcome.metrics
    ]
    if START in outcome.metrics:
        loss = outcome.measured[0]
        value = format(outcome.metrics[START], FORMATS[loss["unit"]])
        found.insert(1, [f"{loss['words']}, before the training", value])
    return found
