"""The experiments: a corpus, and the problems of its domain. The recipe is the demo's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

PRESETS = Path(__file__).parents[3] / "flows" / "presets"
DATA = ("classic-books/books", "wnut17")  # below the folder with real data


def docstrings(folder: Path) -> Path | None:
    """The demo itself: which library, code spans."""
    return _write(folder, yaml.safe_load((PRESETS / "demo.yaml").read_text(encoding="utf-8")))


def books(folder: Path, data: Path) -> Path | None:
    """Books: who wrote a passage; and entities in posts, which are of another domain than books.

    None where the data are missing.
    """
    if not all((data / each).is_dir() for each in DATA):
        return None
    demo = yaml.safe_load((PRESETS / "demo.yaml").read_text(encoding="utf-8"))
    library, code = demo["downstream"]
    authors = {
        "name": "authorship",
        "source": str(folder / "authorship" / "labelled"),
        "train_examples": 0,
        "max_length": 160,
    }
    posts = {"name": "entities", "source": str(data / "wnut17")}
    posts |= {"batch_size": 16, "learning_rate": 5e-4}  # with the demo's it learns nothing
    return _write(
        folder,
        demo
        | {
            "name": "books",
            "corpus": {"source": str(folder / "authorship" / "corpus")},
            "downstream": [library | authors, code | posts],
        },
    )


def _write(folder: Path, experiment: dict[str, Any]) -> Path:
    file = folder / f"{experiment['name']}.yaml"
    file.write_text(yaml.safe_dump(experiment, sort_keys=False), encoding="utf-8")
    return file
