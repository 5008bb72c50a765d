"""The answers of a fine-tuned model to pictures in files, made as an evaluation makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd
from PIL.Image import Image

from tasks.contract import StageError
from tasks.data.images.decoding import decode
from tasks.data.images.framing import Frame
from tasks.data.images.resizing import to_square
from tasks.experiment.images.pictures import Pixels
from tasks.models.bodies import read_model
from tasks.models.files import configuration_of, labels_of
from tasks.models.images.reader_file import read_pixels
from tasks.models.inference import predict
from tasks.problems import PROBABILITIES, Problem, load
from tasks.problems.picture_rows import whole_of

AT_ONCE = 256  # pictures
MISTAKES_TOLD = 20
_LEFT_OUT = ("document", "gold", "loss", PROBABILITIES)  # columns of known rows, and lists


def answer_pictures(
    problem: str,
    folder: Path,
    files: Sequence[tuple[str, Path]],
    report: Callable[[int, int], None] | None = None,
) -> Iterator[pd.DataFrame]:
    """The predictions for pictures, some at a time, in their order; the model is read at once.

    Args:
        problem: what is predicted.
        folder: of the fine-tuned model.
        files: pictures, each by its name in the answers and its path.
        report: receives how many of how many pictures are done.

    Returns:
        `image`, `predicted` and the further columns of the problem, such as `probability`.

    Raises:
        StageError: the model cannot be read, or, while it answers, a file is no picture: see
            `no_pictures`.
    """
    kind, pixels = load(problem), read_pixels(folder)
    labels, whole = labels_of(configuration_of(folder, folder.name)), whole_of(kind)
    model, reader = read_model(kind.AUTO_MODEL, folder, kind.READER)
    # transformers does not write the names LABEL_0 and LABEL_1, which are its default.
    labels = labels or labels_of({"id2label": model.config.id2label})

    def tables() -> Iterator[pd.DataFrame]:
        for begin in range(0, len(files), AT_ONCE):
            some = files[begin : begin + AT_ONCE]
            rows, images = as_rows(kind, some, pixels, labels)
            table = predict(kind, model, rows, kind.encode(rows, reader, labels), labels)
            table = table.drop(columns=[*_LEFT_OUT], errors="ignore")
            frames = [Frame.of(*each.size, pixels.size, pixels.fit) for each in images]
            pairs = zip(table["predicted"], frames, strict=True)
            table["predicted"] = [whole(answer, frame) for answer, frame in pairs]
            table.attrs |= {"cut": 0, "unit": kind.CUT}
            if report is not None:
                report(begin + len(some), len(files))
            yield table

    return tables()


def as_rows(
    kind: Problem, files: Sequence[tuple[str, Path]], pixels: Pixels, labels: Sequence[str]
) -> tuple[pd.DataFrame, list[Image]]:
    """Rows as stage `pixels` writes them, and the pictures; their truth is unknown."""
    images = [decode(path.read_bytes(), name).image for name, path in files]
    rows = pd.DataFrame({"document": "", "image": [name for name, _ in files]})
    stored = [to_square(each, pixels.size, pixels.channels, pixels.fit) for each in images]
    rows["pixels"] = pd.Series(stored, dtype=object)
    rows[kind.TRUTH] = [kind.any_truth(name, labels) for name, _ in files]
    return rows, images


def no_pictures(files: Sequence[tuple[str, Path]]) -> dict[str, str]:
    """The files that are no pictures, by name, and why."""
    wrong = {}
    for name, path in files:
        try:
            decode(path.read_bytes(), name, least=64)
        except StageError as error:
            wrong[name] = str(error)
        except OSError as error:
            wrong[name] = f"{name}: cannot be read: {error.strerror}"
    return wrong


def first_of(wrong: Mapping[str, str]) -> str:
    """A line for each of the first files that are no pictures, and one for the rest."""
    more = len(wrong) - MISTAKES_TOLD
    told = [*wrong.values()][:MISTAKES_TOLD]
    return "\n".join([*told, f"and {more:,} more"] if more > 0 else told)
