"""The figure of a fine-tuning: loss and validation by step."""

from __future__ import annotations

from pathlib import Path

from tasks.pages.figures import draw_curves, write_figure
from tasks.problems import Problem
from tasks.training.loop import TrainingHistory


def draw_history(history: TrainingHistory, kind: Problem, path: Path) -> None:
    """Draw the losses of training and validation over steps."""
    steps, losses = history.curve("validation_loss")
    best = losses.index(min(losses))
    title = f"Validation loss was lowest after {steps[best]:,.0f} of {steps[-1]:,.0f} steps"
    headline = history.curve(f"validation_{kind.HEADLINE}")[1][-1]
    figure = draw_curves(
        title if best < len(losses) - 1 else "Validation loss was still falling at the end",
        f"The last weights are kept: {kind.METRICS[kind.HEADLINE]} {headline:.3f} on validation",
        {
            "training": list(zip(*history.curve("loss"), strict=True)),
            "validation": list(zip(steps, losses, strict=True)),
        },
        x="optimizer steps",
        y="cross-entropy, nats",
    )
    write_figure(figure, path)
