"""How a valid tiny experiment is spoilt: the steps that the tables of mistakes are made of."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.tiny_experiment import BAD, GOOD, sentence

Step = Callable[[Path], None]


@dataclass(frozen=True)
class Mistake:
    """A kind of bad input.

    Attributes:
        kind: its name.
        said: what the message must have in it; `{data}` is the folder of the data.
        steps: what spoils the folder of the experiment.
        settings: what is given as `--set`.
        words: what is given besides.
        environment: variables.
        stage: the title of the stage that finds it; "" is before the first one.
    """

    kind: str
    said: tuple[str, ...]
    steps: tuple[Step, ...] = ()
    settings: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    stage: str = ""

    def spoil(self, folder: Path) -> list[str]:
        """Spoil the experiment in a folder; the words of the command that runs it."""
        for step in self.steps:
            step(folder)
        settings = [word for setting in self.settings for word in ("--set", setting)]
        words = ["run", str(folder / "tiny.yaml"), *settings, *self.words]
        return [word.replace("{data}", str(folder)) for word in words]

    def missing_from(self, text: str, folder: Path) -> list[str]:
        """What should be said and is not."""
        wanted = [part.replace("{data}", str(folder)) for part in self.said]
        return [part for part in wanted if part not in text]


def written(name: str, content: str | bytes) -> Step:
    """A file with this content."""

    def step(folder: Path) -> None:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)

    return step


def edited(name: str, old: str, new: str) -> Step:
    """A file with something else in the place of its first `old`."""

    def step(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return step


def line_changed(name: str, number: int, new: str | bytes) -> Step:
    """A file with another line of this number."""

    def step(folder: Path) -> None:
        lines = (folder / name).read_bytes().splitlines()
        lines[number - 1] = new.encode() if isinstance(new, str) else new
        (folder / name).write_bytes(b"\n".join(lines) + b"\n")

    return step


def moved_away(name: str) -> Step:
    """No such file."""
    return lambda folder: (folder / name).rename(folder.parent / f"{folder.name}-{name}")


def linked(name: str, to: str) -> Step:
    """A link, to whatever there is or not."""
    return lambda folder: (folder / name).symlink_to(to.replace("{data}", str(folder)))


def made(name: str) -> Step:
    """An empty folder."""
    return lambda folder: (folder / name).mkdir()


def zipped(name: str) -> Step:
    """A zip archive, as a workbook of Excel is one."""

    def step(folder: Path) -> None:
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("xl/workbook.xml", "<workbook/>" * 50)

    return step


def table(name: str, rows: int = 160, **columns: Sequence[object]) -> Step:
    """A Parquet file of the columns; of sentences and moods if none are given."""

    def step(folder: Path) -> None:
        pairs = list(moods(rows))
        made_up = {"text": [text for text, _ in pairs], "label": [label for _, label in pairs]}
        pq.write_table(pa.table(columns or made_up), folder / name, row_group_size=20)

    return step


def cut_off(name: str, share: float) -> Step:
    """A file of which only the beginning was copied."""

    def step(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: int(len(content) * share)])

    return step


def garbled(name: str) -> Step:
    """A file with noise in the middle of it, its beginning and its end as they were."""

    def step(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        third = len(content) // 3
        content[third : 2 * third] = random.Random(4).randbytes(third)
        (folder / name).write_bytes(content)

    return step


def moods(rows: int, seed: int = 5) -> Iterable[tuple[str, str]]:
    """Sentences with their label, no two alike."""
    draw = random.Random(seed)
    for number in range(rows):
        label, mood = draw.choice([("good", GOOD), ("bad", BAD)])
        yield f"{' '.join(sentence(draw, mood))} {seed} {number}", label


def labelled(name: str, rows: int, *more: str, seed: int = 5, header: str = "text,label") -> Step:
    """A CSV file of sentences with their label, and more lines."""
    lines = [header, *(f"{text},{label}" for text, label in moods(rows, seed)), *more]
    return written(name, "\n".join(lines) + "\n")


def setting(kind: str, change: str, *said: str) -> Mistake:
    """A value that cannot be set, or several, with blanks between."""
    return Mistake(kind, said, settings=tuple(change.split()))


def data(kind: str, change: str, *steps: Step, said: tuple[str, ...]) -> Mistake:
    """Data that cannot be read, and the setting that points to them."""
    return Mistake(kind, said, steps, settings=tuple(change.split()))
