"""The built-in masks say what their numbers mean, so that no page calls the digit 3 a 4."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice

from tasks.data.images.decoding import decode
from tasks.data.notices import Notices
from tasks.experiment.images.problem import ImageData
from tasks.problems.semantic_segmentation.pictures import answer, labels
from tasks.sources.images import pictures, resolve

SPLITS = ("train", "validation", "test")
DATA = ImageData(name="digits", problem="semantic-segmentation", source="builtin:digit-masks")


def test_classes_have_the_names_of_the_source_or_those_that_are_given() -> None:
    source = resolve(DATA.source, "source")
    few = [*islice(pictures(source, DATA.columns, lambda *_: None), 12)]
    given = DATA.model_copy(update={"classes": ["g", *(f"<{n}>" for n in range(10))]})
    names = set()
    for picture in few:
        decoded = decode(picture.data, picture.where)
        found = json.loads(answer(picture, decoded, DATA, Notices()) or "")
        names |= {*found.items()}
        own = json.loads(answer(picture, decoded, given, Notices()) or "")
        assert own == {n: given.classes[int(n)] for n in found}
    assert ("0", "ground") in names
    assert len(names) > 5
    assert all(name == f"digit {int(number) - 1}" for number, name in names if number != "0")


def test_labels_are_in_the_order_of_their_numbers_or_names() -> None:
    def of(*names: str) -> list[str]:
        return labels(DATA, {split: Counter(names) for split in SPLITS}, 9)

    assert of("10", "9", "0") == ["0", "9", "10"]
    assert of("ground", "digit 1", "digit 0") == ["digit 0", "digit 1", "ground"]
