"""Answers drawn on pictures, in a folder: `temper predict --draw`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.contract import StageError

if TYPE_CHECKING:
    from flows.calls.predicting import AnsweringModel


@dataclass(frozen=True)
class Drawing:
    """Where and how answers are drawn.

    Attributes:
        folder: to write to.
        problem: what was answered.
        labels: of the model.
        files: the pictures, by their names in the answers.
    """

    folder: Path
    problem: str
    labels: Sequence[str]
    files: Mapping[str, Path]

    @classmethod
    def on(cls, folder: Path, model: AnsweringModel, files: Sequence[tuple[str, Path]]) -> Drawing:
        """What draws the answers of a model to some pictures.

        Raises:
            StageError: they cannot be drawn, or the folder cannot be written or has the pictures.
        """
        from tasks.models.files import labels_of
        from tasks.pages.drawn_answers import DRAWN

        if model.problem not in DRAWN:
            raise StageError(
                f"--draw {folder}: {model.reference} answers {model.problem}, which is not drawn; "
                f"accepted with it: models for {', '.join(DRAWN)}"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StageError(f"--draw {folder}: cannot be written: {error.strerror}") from None
        inside = [name for name, path in files if folder.resolve() in path.resolve().parents]
        if inside:
            raise StageError(
                f"--draw {folder}: has the picture {inside[0]} that is answered; accepted: another "
                "folder"
            )
        return cls(folder, model.problem, labels_of(model.configuration), dict(files))

    def along(self, tables: Iterator[Any]) -> Iterator[Any]:
        """The tables of answers, each drawn as it passes."""
        from tasks.data.images.decoding import decode
        from tasks.pages.drawn_answers import DRAWN

        draw = DRAWN[self.problem]
        for table in tables:
            for name, answer in zip(table["image"], table["predicted"], strict=True):
                image = decode(self.files[name].read_bytes(), name).image
                for ending, drawn in draw(image, answer, self.labels).items():
                    target = self.folder / f"{self._below(name)}{ending}"
                    target.parent.mkdir(parents=True, exist_ok=True)
                    drawn.save(target)
            yield table

    def _below(self, name: str) -> Path:
        """The place of a picture in the folder: its own below the folder that was answered."""
        place = Path(name)
        leads_out = place.is_absolute() or ".." in place.parts
        return Path(place.name) if leads_out else place
