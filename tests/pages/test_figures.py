"""Figures: the same drawing is the same bytes."""

import numpy as np
import pytest
from PIL import Image

from tasks.pages.explanations.card import picture_of
from tasks.pages.figures import (
    Interval,
    canvas,
    draw_confusion,
    draw_curves,
    draw_intervals,
    most_confused,
    write_figure,
)


def curves():
    return draw_curves(
        "Falling",
        "as it should",
        {"training": [(1, 2.0), (2, 1.0)], "validation": []},
        x="x",
        y="y",
    )


def test_the_same_drawing_is_the_same_bytes(tmp_path):
    for name in "ab":
        write_figure(curves(), tmp_path / "new" / f"{name}.png")
    first, second = ((tmp_path / "new" / f"{name}.png").read_bytes() for name in "ab")
    assert first == second
    assert Image.open(tmp_path / "new" / "a.png").info.keys() <= {"dpi"}


def test_figures_are_wide_enough_for_what_is_written_in_them(tmp_path):
    rows = [Interval("a problem with a long name", 1, 0, 2, "1.0 % [0.0, 2.0]")]
    write_figure(draw_intervals("Found", "how", rows, x="x", zero=True), tmp_path / "a.png")
    assert Image.open(tmp_path / "a.png").width > 1000


def test_of_many_labels_those_with_the_most_errors_are_shown():
    counts = np.diag([9, 9, 9, 9])
    counts[3, 1] = 2
    counts[0, 3] = 1
    assert most_confused(counts, 2) == [1, 3]
    figure = draw_confusion("t", "s", counts, list("abcd"), most=2)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "d"]
    assert any("the 2 of 4 labels with the most errors" in text.get_text() for text in axes.texts)


def test_labels_of_thousands_of_characters_do_not_grow_the_picture(tmp_path, recwarn):
    names = ["x" * 3_000, "\N{PILE OF POO}\ty"]
    figure = draw_confusion("t" * 3_000, "s", np.array([[3, 1], [1, 3]]), names)
    write_figure(figure, tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as drawn:
        assert max(drawn.size) < 6_000
    assert not recwarn.list


@pytest.mark.filterwarnings("error:Glyph")
def test_signs_that_the_font_lacks_are_drawn_without_a_warning_in_explanations_too() -> None:
    figure, _ = canvas("\u65e5\u672c \U0001f600", "\u65e5")
    assert picture_of("a.png", figure).png.startswith(b"\x89PNG")
