"""The contract of a stage: a named pure function, and what it may report while it works.

A stage function takes its part of the experiment as plain keyword arguments, one path for each
artifact that it reads, an empty folder `out` to write to and a `monitor`, and returns its metrics.
It depends on neither Prefect, MLflow nor the cache, so its test calls it directly:

    metrics = train_tokenizer(tokenizer=Tokenizer(), corpus=path, out=empty, monitor=Silent())

The files under `out` are the artifact. Some names have a meaning elsewhere:

    model.json      `model/` is to be logged as an MLflow model: {"task": …, "example": [text, …]},
                    and "model_config": what its pipeline is called with
    dataset.json    this is a data set: {"name": …, "rows": …, "columns": {name: type}}
    adapter/        what belongs to the model beside it: logged to MLflow as it is
    rebuilt.json    a file that the store need not keep, as it is computed from the others and from
                    an input: {"file": …, "reads": the argument, "by": a module with `keep` and
                    `rebuild`}, see `tasks.machinery.store.rebuilding`
    show/           pages, of a stage that only shows (`report`): never an input of another stage

A stage with pages for people names a second function:

    show(artifact: Path, out: Path) -> None

and one that draws what it looks at while it works, for MLflow's images by step:

    draw(seen: Any) -> PIL.Image.Image

`show` reads the artifact's folder and writes pages (.md), figures (.png) and tables into an empty
folder; they are logged to MLflow, and `card.md` is also shown in Prefect. It has a key of its own:
if only its code changed, the pages are rendered again, and nothing is recomputed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

Draw = Callable[[Any], Any]
"""Draws what a stage looked at, as a picture of Pillow."""

Show = Callable[[Path, Path], None]
"""Writes the pages of an artifact's folder into an empty folder."""


class StageError(Exception):
    """A mistake that a person can fix: what was found, where, and what is accepted."""


class UnreachableError(StageError):
    """A server does not answer now; the same request may work later."""


class Monitor(Protocol):
    """What a stage may report while it works, and where it stores checkpoints."""

    checkpoints: Path | None

    def progress(self, done: int, total: int, unit: str) -> None:
        """`done` of `total` units are done (`total` 0: unknown). Cheap: call it often."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Metrics of a step of training, in the order of steps."""

    def look(self, seen: Any) -> None:
        """Something to look at, of the step that is logged next: the stage's `draw` draws it."""

    def note(self, **facts: str | float) -> None:
        """Facts found while computing (precision, device, …): they become tags of the run."""

    def say(self, text: str) -> None:
        """Report a message to a person who watches."""

    def warn(self, text: str) -> None:
        """Report a message that also concerns whoever uses the result later: it is kept with it."""


def with_warning(facts: Mapping[str, str | float], text: str) -> str:
    """The fact `warning` with one more: a line for each."""
    return "\n".join([str(facts["warning"]), text] if "warning" in facts else [text])


class Silent:
    """A monitor that stores all reports: for tests, and for calling a stage by hand."""

    def __init__(self, checkpoints: Path | None = None) -> None:
        self.checkpoints = checkpoints
        self.logged: list[tuple[int, dict[str, float]]] = []
        self.facts: dict[str, str | float] = {}
        self.seen: list[Any] = []
        self.last: tuple[int, int, str] | None = None
        self.said: list[str] = []

    def progress(self, done: int, total: int, unit: str) -> None:
        """Store the last report."""
        self.last = (done, total, unit)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Store the metrics."""
        self.logged.append((step, dict(metrics)))

    def look(self, seen: Any) -> None:
        """Store what is to be looked at."""
        self.seen.append(seen)

    def note(self, **facts: str | float) -> None:
        """Store the facts."""
        self.facts.update(facts)

    def say(self, text: str) -> None:
        """Store the text."""
        self.said.append(text)

    def warn(self, text: str) -> None:
        """Store the text, also as a fact."""
        self.facts["warning"] = with_warning(self.facts, text)
        self.said.append(f"Warning: {text}")


@dataclass(frozen=True)
class Stage:
    """A stage by name, its function not yet imported: a cached run never loads torch.

    Attributes:
        name: name in the store, in plans and in `--refresh`.
        function: where the pure function is, as `module:function`.
        code: further modules that the function loads by name (a source, an objective, a problem).
        libraries: distributions whose versions can change the result.
        show: where the function that shows is, as `module:function`; empty if there is none.
        draw: where the function is that draws what the stage looks at while it works; or empty.
    """

    name: str
    function: str
    code: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    show: str = ""
    draw: str = ""

    @property
    def module(self) -> str:
        """The module of the function."""
        return self.function.partition(":")[0]

    def load(self) -> Callable[..., dict[str, float]]:
        """Import and return the function."""
        function: Callable[..., dict[str, float]] = _imported(self.function)
        return function

    def load_show(self) -> Show:
        """Import and return the function that shows."""
        function: Show = _imported(self.show)
        return function

    def load_draw(self) -> Draw | None:
        """Import and return the function that draws; None if there is none."""
        return _imported(self.draw) if self.draw else None


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
