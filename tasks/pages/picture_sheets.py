"""Sheets of pictures: those of each label, and those that a model answered right and wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from tasks.data.images.boxes import Box, from_text
from tasks.data.images.masks import IGNORED
from tasks.pages.figures import GREEN, INK, MUTED, ORANGE, literal
from tasks.problems.object_detection.scores import SURE
from tasks.problems.semantic_segmentation.palette import palette

COLUMNS = 8
_WORDS = 18  # characters of a label on a sheet
_HEADING = 0.75  # inches above the pictures

Pictures = NDArray[np.uint8]

MOST_NAMES = 24  # in a legend
COLOURS: Pictures = np.array(palette(), dtype=np.uint8).reshape(-1, 3)  # of the classes of a mask
COLOURS[IGNORED] = 255  # white: what does not count


def coloured(mask: NDArray[np.int64]) -> Pictures:
    """A mask as colours: [height, width, 3]; white where it does not count."""
    found: Pictures = COLOURS[np.where(mask < 0, IGNORED, mask)]
    return found


def label_sheet(pictures: Pictures, names: Sequence[str], title: str) -> Figure:
    """A row of pictures for each label.

    Args:
        pictures: [labels, pictures, height, width, 3].
        names: the labels.
        title: of the figure.
    """
    labels, most = pictures.shape[:2]
    figure, axes = _grid(labels, most, title, height=0.62)
    for row in range(labels):
        for column in range(most):
            axes[row][column].imshow(pictures[row, column])
        name = shorten(names[row] or "no label", _WORDS, placeholder="…")
        axes[row][0].annotate(
            literal(name),
            (-0.15, 0.5),
            xycoords="axes fraction",
            ha="right",
            va="center",
            fontsize=8,
            color=INK,
        )
    return figure


def answered_sheet(artifact: Path) -> Figure:
    """Wrong answers, the surest first, and some right ones, as stage `evaluation` kept them.

    Args:
        artifact: its folder, with shown.npy and shown.parquet.
    """
    pictures: Pictures = np.load(artifact / "shown.npy")
    answers = pd.read_parquet(artifact / "shown.parquet")
    wrong = (answers["gold"] != answers["predicted"]).to_numpy()
    rows = -(-int(wrong.sum()) // COLUMNS) + -(-int((~wrong).sum()) // COLUMNS)
    said = "Wrong answers, the surest first (truth → answer); then right ones"
    title = said if wrong.any() else "No wrong answer; some right ones"
    figure, axes = _grid(rows, COLUMNS, title, height=1.05)
    places = [*_places(int(wrong.sum()), 0)]
    places += _places(int((~wrong).sum()), -(-int(wrong.sum()) // COLUMNS))
    for picture, (_, answer), place in zip(pictures, answers.iterrows(), places, strict=True):
        here = axes[place[0]][place[1]]
        squeezed = np.squeeze(picture)
        here.imshow(squeezed, cmap="gray" if squeezed.ndim == 2 else None, vmin=0, vmax=255)
        right = answer["gold"] == answer["predicted"]
        gold, predicted = (
            shorten(str(answer[name]), _WORDS // 2, placeholder="…")
            for name in ("gold", "predicted")
        )
        words = gold if right else f"{gold} → {predicted}"
        here.set_title(
            literal(f"{words}\n{answer['probability']:.0%} sure"),
            fontsize=7,
            color=GREEN if right else ORANGE,
            pad=2,
        )
    return figure


def mask_sheet(artifact: Path) -> Figure:
    """Pictures with their masks and the answers, as stage `evaluation` kept them.

    Args:
        artifact: its folder, with shown-masks.npz.
    """
    kept = np.load(artifact / "shown-masks.npz")
    across = COLUMNS // 4  # pictures in a row, each with two masks
    count = len(kept["iou"])
    title = "Picture, true mask, answer: the worst first, then others from the best on"
    figure, axes = _grid(-(-count // across), 3 * across, title, height=1.3, width=1.1)
    for number in range(count):
        row, first = number // across, 3 * (number % across)
        picture = np.squeeze(kept["pictures"][number])
        axes[row][first].imshow(
            picture, cmap="gray" if picture.ndim == 2 else None, vmin=0, vmax=255
        )
        for place, name in enumerate(("truth", "answer"), 1):
            axes[row][first + place].imshow(coloured(kept[name][number]), interpolation="nearest")
        axes[row][first + 1].set_title(
            literal(f"mean IoU {kept['iou'][number]:.0%}"), fontsize=7, color=INK, pad=2
        )
    shown = kept["names"][:MOST_NAMES]
    figure.legend(
        handles=[
            Patch(color=tuple(c / 255 for c in COLOURS[i]), label=literal(shorten(str(n), _WORDS)))
            for i, n in enumerate(shown)
        ],
        loc="lower center",
        ncols=min(len(shown), 8),
        fontsize=6,
        frameon=False,
    )
    figure.subplots_adjust(bottom=0.09)
    return figure


def box_sheet(artifact: Path) -> Figure:
    """Pictures with true boxes and those of the answers, as stage `evaluation` kept them.

    Args:
        artifact: its folder, with shown-boxes.npy and shown-boxes.parquet.
    """
    pictures: Pictures = np.load(artifact / "shown-boxes.npy")
    answers = pd.read_parquet(artifact / "shown-boxes.parquet")
    title = "True boxes (dashed) and answers with their scores: the worst first, then from the best"
    across = COLUMNS // 2
    figure, axes = _grid(-(-len(pictures) // across), across, title, height=2.0, width=1.7)
    rows = zip(pictures, answers.to_dict("records"), strict=True)
    for number, (picture, row) in enumerate(rows):
        here = axes[number // across][number % across]
        squeezed = np.squeeze(picture)
        here.imshow(squeezed, cmap="gray" if squeezed.ndim == 2 else None, vmin=0, vmax=255)
        here.set_title(literal(f"F1 {row['quality']:.0%}"), fontsize=7, color=INK, pad=2)
        for box in from_text(row["gold"]):
            _draw_box(here, box, GREEN, "--", "")
        for box in from_text(row["predicted"]):
            if box.score >= SURE:
                _draw_box(here, box, ORANGE, "-", f"{box.label} {box.score:.0%}")
    return figure


def _draw_box(axes: Axes, box: Box, colour: str, line: str, words: str) -> None:
    left, top, right, bottom = box.corners
    place, size = (left - 0.5, top - 0.5), (right - left, bottom - top)
    axes.add_patch(
        Rectangle(place, *size, fill=False, edgecolor=colour, linestyle=line, linewidth=1)
    )
    if words:
        axes.text(left, top - 1, literal(shorten(words, _WORDS)), fontsize=5, color=colour)


def _places(count: int, row: int) -> list[tuple[int, int]]:
    return [(row + number // COLUMNS, number % COLUMNS) for number in range(count)]


def _grid(
    rows: int, columns: int, title: str, *, height: float, width: float = 0.8
) -> tuple[Figure, list[list[Axes]]]:
    """Empty axes without ticks, under a title; height of a row, width of a column in inches."""
    whole = height * rows + _HEADING
    figure = Figure(figsize=(width * columns + 1.2, whole))
    FigureCanvasAgg(figure)
    axes: Any = figure.subplots(rows, columns, squeeze=False)
    figure.subplots_adjust(
        top=1 - _HEADING / whole, bottom=0.01, hspace=0.1 if height < 1 else 0.4 / height
    )
    for each in axes.flat:
        each.set_axis_off()
    figure.suptitle(literal(title), fontsize=10, color=MUTED, y=1 - 0.1 / whole, va="top")
    return figure, axes.tolist()


# What stage `evaluation` kept of pictures, and how it is drawn.
SHEETS: Mapping[str, Callable[[Path], Figure]] = {
    "shown.npy": answered_sheet,
    "shown-masks.npz": mask_sheet,
    "shown-boxes.npy": box_sheet,
}
