"""The figure of a fine-tuning: loss and validation by step."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from tasks.pages.figures import draw_curves, write_figure


def show(artifact: Path, out: Path) -> None:
    """Write loss.png.

    Args:
        artifact: folder of stage `finetuning`, with curves.json.
        out: empty folder.
    """
    history = json.loads((artifact / "curves.json").read_text(encoding="utf-8"))
    write_figure(draw_history(history), out / "loss.png")


def draw_history(history: dict[str, Any]) -> Figure:
    """The losses of training and validation over steps."""
    curves, headline = history["curves"], history["headline"]
    validation = curves["validation_loss"]
    losses = [loss for _, loss in validation]
    best = losses.index(min(losses))
    steps, last = validation[best][0], validation[-1][0]
    kept = history.get("kept", 0)  # of early stopping; else the last weights are kept
    metric = dict(map(tuple, curves[headline]))[kept or last]
    said = f"The best weights, of step {kept:,}, are kept" if kept else "The last weights are kept"
    title = f"Validation loss was lowest after {steps:,.0f} of {last:,.0f} steps"
    return draw_curves(
        title if best < len(losses) - 1 else "Validation loss was still falling at the end",
        f"{said}: {history['metric']} {metric:.3f} on validation",
        {"training": curves["loss"], "validation": validation},
        x="optimizer steps",
        y=history["loss"],
    )
