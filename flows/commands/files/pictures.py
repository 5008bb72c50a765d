"""Pictures on the command line: which files they are, and what `temper data` says of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from flows.terminal.in_process import err, out
from flows.terminal.pages import LeftMarkdown
from tasks.contract import Silent, StageError
from tasks.experiment import choices
from tasks.experiment.images.pictures import Images
from tasks.experiment.images.problem import ImageData, LabelledColumns
from tasks.experiment.problem import SEVERAL
from tasks.machinery.naming.paths import place

ONE_LABEL = "image-classification"
IMAGES = "images"  # pictures to pre-train on, as `--problem` has it


def is_pictures(location: str, problem: str) -> bool:
    """Whether data are pictures: they are said to be, or most files of a folder are.

    Files of boxes, of which there may be one for each picture, count as pictures.
    """
    from tasks.sources.images.picture_files import share_of_pictures

    if problem:
        return problem in (IMAGES, *choices.of_pictures())
    root = place(location)
    return root.is_dir() and share_of_pictures(root) > 0.5


def show_pictures(location: str, problem: str) -> None:
    """Show what pictures there are, as the data card of a run does, and the YAML to begin with.

    Raises:
        StageError: a run cannot read them.
    """
    text = described_pictures(location, problem, location)
    out.print("\n`temper new FILE.yaml --data PATH` writes this to a file.", highlight=False)
    out.print("The experiment to begin with:\n")
    out.print(text, highlight=False, markup=False)


def described_pictures(location: str, problem: str, source: str, named: str = "") -> str:
    """Show what pictures there are; the YAML of an experiment on them.

    Args:
        location: of the pictures.
        problem: what they are for; empty to guess it.
        source: the location as the YAML states it.
        named: the name of the experiment; empty: that of the pictures.

    Raises:
        StageError: a run cannot read them.
    """
    from tasks.sources.images import resolve

    pictures = resolve(location, "PATH")
    name = re.sub(r"[^A-Za-z0-9]+", "-", place(location).absolute().stem).strip("-").lower()[:40]
    kind = problem if problem in choices.of_pictures() else _problem_of(pictures)
    settings: dict[str, Any] = {"problem": kind}
    if kind == SEVERAL[ONE_LABEL]:
        settings = {"problem": ONE_LABEL, "several_labels": True}
    labelled = problem != IMAGES
    with TemporaryDirectory() as folder, err.status("reading the pictures …"):
        try:
            card = _card(pictures, Path(folder) / "one", name, settings, labelled=labelled)
        except StageError as error:
            if labelled and "the picture has no label" in str(error) and not problem:
                labelled = False
            elif "overlap: drop" in str(error):
                settings |= {"overlap": "drop"}
            else:
                raise
            card = _card(pictures, Path(folder) / "two", name, settings, labelled=labelled)
    out.print(LeftMarkdown(card), soft_wrap=False)
    for remark in pictures.remarks():
        out.print(remark, highlight=False, markup=False)
    return _text(named, name or "images", source, settings, labelled=labelled)


def _problem_of(source: Any) -> str:
    """What pictures are labelled for: by the first one, which has a mask, boxes or labels."""
    from tasks.sources.images import pictures

    first = next(pictures(source, LabelledColumns(), lambda *_: None), None)
    if first is None or (first.mask is None and first.boxes is None):
        several = first is not None and isinstance(first.label, list)
        return SEVERAL[ONE_LABEL] if several else ONE_LABEL
    return "semantic-segmentation" if first.boxes is None else "object-detection"


def _card(
    source: Any, folder: Path, name: str, settings: Mapping[str, Any], *, labelled: bool
) -> str:
    from tasks.pages.pictures_card import PicturesCard
    from tasks.stages.images.images import prepare_images

    folder.mkdir()
    images: Images | ImageData = Images()
    if labelled:
        images = ImageData.model_validate({"name": name or "data", **settings})
    prepare_images(images, source, [], 0, out=folder, monitor=Silent())
    return PicturesCard.read(folder / "tally.json").page()


def _text(
    named: str, name: str, source: str, settings: Mapping[str, Any], *, labelled: bool
) -> str:
    """An experiment on these pictures; the names of it and of its problem."""
    parts: dict[str, Any] = {
        "images": {"source": source},
        "pixels": {"size": 64, "channels": 3},
        "model": {"family": "resnet", "size": "tiny"},
        "pretraining": {"objective": "simclr", "steps": 1000},
    }
    lines = [f"name: {named or name}"]
    lines += [f"{part}: {_flow(values)}" for part, values in parts.items()]
    if labelled:
        entry = {"name": name, "problem": settings["problem"], "source": source}
        lines += [
            "# The same pictures: pre-train on others of their kind, if there are more.",
            "downstream:",
            f"  - {_flow({**entry, **settings})}",
        ]
    return "\n".join(lines) + "\n"


def _flow(values: Mapping[str, Any]) -> str:
    """A mapping in one line of YAML."""
    text: str = yaml.safe_dump(dict(values), default_flow_style=True, sort_keys=False, width=10**6)
    return text.strip()
