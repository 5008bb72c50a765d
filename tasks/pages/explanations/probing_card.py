"""The page of stage `probing`: the curve over layers, pre-trained against random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from tasks.machinery.naming.markdown import escaped
from tasks.pages import numbers as pages
from tasks.pages.figures import BLUE, MUTED, canvas
from tasks.pages.generalization.writing import read, said, write_card
from tasks.statistics import numbers

TITLE = "Probes of layers"
FIGURES = {"layers.png": "the metric of each layer, pre-trained and with random weights"}
MODELS = {"pretrained": ("pre-trained", BLUE), "random_weights": ("random weights", MUTED)}
POOLED = {"mean": ("mean", "-"), "first": ("one place", "--")}


def show(artifact: Path, out: Path) -> None:
    """Write card.md and layers.png.

    Args:
        artifact: folder of stage `probing`.
        out: empty folder.
    """
    found = read(artifact)
    title = f"Probes of layers: {escaped(found['problem'])}"
    write_card(title, blocks(found), figures(found), out)


def figures(found: dict[str, Any]) -> dict[str, Figure]:
    """The curves over the layers."""
    return {"layers.png": layers_figure(found)}


def layers_figure(found: dict[str, Any]) -> Figure:
    """A line for each model and pooling, over the layers, with the intervals of the mean."""
    (title,), rows = found["sentences"], found["rows"]
    figure, axes = canvas(
        title[0].upper() + title[1:],
        f"Linear probes of the frozen encoder, fitted on {rows['train']:,} rows and measured on "
        f"{rows['test']:,} test rows; {100 * found['confidence']:g} % bootstrap intervals of the "
        "means; the best layer is chosen on validation rows",
    )
    for name, ways in found["curves"].items():
        words, colour = MODELS[name]
        for pooled, layers in ways.items():
            how, line = POOLED[pooled]
            value, low, high = (
                [numbers.scaled(each[end], found["unit"]) for each in layers]
                for end in ("value", "low", "high")
            )
            numbered = range(len(layers))
            label = f"{words}, {how} of the places" if pooled == "mean" else f"{words}, {how}"
            axes.plot(numbered, value, line, color=colour, label=label, marker="o", markersize=4)
            if pooled == "mean":
                axes.fill_between(numbered, low, high, color=colour, alpha=0.15, linewidth=0)
    layers = len(found["curves"]["pretrained"]["mean"])
    axes.set_xticks(range(layers), ["embeddings", *map(str, range(1, layers))])
    axes.set_xlabel("layer", color=MUTED, fontsize=9)
    axes.set_ylabel(numbers.axis(found["metric"], found["unit"]), color=MUTED, fontsize=9)
    axes.legend(fontsize=8, frameon=False)
    return figure


def blocks(found: dict[str, Any]) -> list[str]:
    """The curve as a table, under what it says."""
    unit, curves = found["unit"], found["curves"]
    columns = [
        (f"{MODELS[name][0]}, {POOLED[pooled][0]}", layers)
        for name, ways in curves.items()
        for pooled, layers in ways.items()
    ]
    rows = [
        [
            "embeddings" if number == 0 else str(number),
            *(
                numbers.with_interval(
                    layers[number]["value"], layers[number]["low"], layers[number]["high"], unit
                )
                for _, layers in columns
            ),
        ]
        for number in range(len(curves["pretrained"]["mean"]))
    ]
    return [
        said(found),
        f"{escaped(found['metric'])} of a linear model on the features of each layer.",
        pages.table(["layer", *(name for name, _ in columns)], rows),
        "*mean*: over the places of a row; *one place*: the first one, or the last one of a "
        "decoder. The layers of a model with random weights show what can be predicted from the "
        "input without anything learnt.",
    ]
