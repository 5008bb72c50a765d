"""From a file or a folder of data to the experiment to begin with: guesses, each of them said."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from flows.presets.guessed_entities import entities_in
from tasks import problems, sources
from tasks.contract import StageError
from tasks.machinery.naming.paths import has_scheme, place
from tasks.machinery.naming.spelling import nearest
from tasks.sources import Source, workbook
from tasks.sources.columns import USUAL
from tasks.sources.files import files_of
from tasks.sources.folders import SPLIT_WORDS
from tasks.sources.formats import READERS, TAGGED
from tasks.sources.looking import LOOKED_AT, Seen, look, type_of

CORPUS = "corpus"
TAGS, TEXTS, NUMBERS = "token-classification", "text-classification", "regression"
QUESTIONS, WRITTEN, SEVERAL = "question-answering", "generation", "several-labels"
BUILT_IN = "builtin:pydocs"
_PROMPTS = ("prompt", "instruction")
_TARGETS = ("target", "completion", "continuation", "response")
_FEW = 5  # different answers, at most, that are labels where there are more rows
_MOST_LABELS = 0.5  # of the rows: more are no labels


@dataclass(frozen=True)
class Guess:
    """What data may be used for.

    Attributes:
        source: the data.
        seen: their first file.
        problem: the problem, or CORPUS.
        columns: the column of each role.
        said: what was guessed, for people.
    """

    source: Source
    seen: Seen
    problem: str
    columns: Mapping[str, str]
    said: tuple[str, ...]

    @property
    def name(self) -> str:
        """A name for the problem, from that of the data."""
        stem = place(self.source.location).absolute().name.partition(".")[0]
        return re.sub(r"[^A-Za-z0-9]+", "-", stem).strip("-")[:40].lower() or "data"


def guess(location: str, problem: str = "", text: str = "", label: str = "") -> Guess:
    """Look at data, and guess what they are for.

    Args:
        location: a file or a folder.
        problem: the problem, or CORPUS; "" to guess it.
        text: the column of texts or tokens; "" to guess it.
        label: the column of labels or tags; "" to guess it.

    Raises:
        StageError: there are no such data, or they cannot be read; an option is not accepted.
    """
    accepted = (CORPUS, *problems.names())
    if problem and problem not in accepted:
        raise StageError(
            f"--problem: no problem {problem!r}{nearest(problem, accepted)}. Accepted: "
            f"{', '.join(accepted)}"
        )
    if has_scheme(location) and not place(location).exists():
        raise StageError(f"PATH: {location} is not on this machine; accepted: a file or a folder")
    if workbook.claims(location):
        return _in_workbook(location, problem, text, label)
    source = None if problem == CORPUS else _labelled(location, needed=bool(problem))
    if source is None:
        return _corpus(sources.resolve(location, "PATH", "text"), text)
    files = files_of(source, rows=True)
    seen = look(next((file for file in files if "train" in file.name), files[0]), rows=True)
    found = _guessed(seen, problem, text, label)
    if found[0] == CORPUS:
        return _corpus(sources.resolve(location, "PATH", "text"), text)
    return Guess(source, seen, *found)


def _in_workbook(location: str, problem: str, text: str, label: str) -> Guess:
    """What the first rows of a workbook's sheet for training are for."""
    source = sources.resolve(location, "PATH", None)
    seen = Seen(source.name, ".xlsx", (), workbook.columns(source, LOOKED_AT))
    if problem != CORPUS:
        found = _guessed(seen, problem, text, label)
        if found[0] != CORPUS:
            return Guess(source, seen, *found)
    return _of_texts(source, seen, text)


def _labelled(location: str, *, needed: bool) -> Source | None:
    """The data as rows with labels; None if no file may have any."""
    try:
        return sources.resolve(location, "PATH", TEXTS)
    except StageError:
        if needed:
            raise
        return None


def _corpus(source: Source, text: str) -> Guess:
    """Text to pre-train on."""
    return _of_texts(source, look(files_of(source, rows=False)[0], rows=False), text)


def _of_texts(source: Source, seen: Seen, text: str) -> Guess:
    if not seen.columns and seen.form in READERS:
        raise StageError(f"PATH: {seen.name} has no rows: add content or remove it")
    if not seen.columns:
        return Guess(source, seen, CORPUS, {}, ("plain text, to pre-train on",))
    column = text or _text_column(seen, ())
    _require(column, seen, "--text")
    said = f"no labels were found: texts to pre-train on, in column {column!r}"
    return Guess(source, seen, CORPUS, {"text": column}, (said,))


def _guessed(
    seen: Seen, problem: str, text: str, label: str
) -> tuple[str, dict[str, str], tuple[str, ...]]:
    """The problem, the columns and what to say of them."""
    asked = _questions(seen, text, label, needed=problem == QUESTIONS)
    if asked and (problem == QUESTIONS or (not problem and _are_parts(seen, asked))):
        split, by_split = _split(seen)
        return QUESTIONS, asked | split, (_QUESTIONS_SAID.format(**asked), *by_split)
    written = _written(seen, text, label)
    if problem == WRITTEN or (not problem and written and not (text and label)):
        if not written:
            raise StageError(
                f"--problem {WRITTEN}: no columns of prompts and targets by their usual names "
                f"({', '.join((*_PROMPTS, *_TARGETS))}); accepted: --text and --label with theirs"
            )
        for option, name in zip(("--text", "--label"), written.values(), strict=True):
            _require(name, seen, option)
        split, by_split = _split(seen)
        return WRITTEN, written | split, (_WRITTEN_SAID.format(**written), *by_split)
    entities = entities_in(seen, text, label)
    if entities and problem in ("", TAGS):
        return TAGS, *entities
    lists = [name for name, values in seen.columns.items() if type_of(values).startswith("list")]
    if seen.form in TAGGED or problem == TAGS or (not problem and len(lists) > 1):
        columns = {"tokens": text, "tags": label}
        for role, given in columns.items():
            others = [name for name in lists if name not in columns.values()]
            columns[role] = given or _usual(role, others or list(seen.columns))
        for option, column in zip(("--text", "--label"), columns.values(), strict=True):
            _require(column, seen, option)
        words = f"words in column {columns['tokens']!r}, their tags in {columns['tags']!r}"
        return TAGS, columns, (words,)
    text = text or _text_column(seen, (label,))
    label = label or _label_column(seen, text)
    if not label and not problem:
        return CORPUS, {}, ()
    for option, column in (("--text", text), ("--label", label)):
        _require(column, seen, option)
    kind = type_of(seen.columns[label])
    usual = {"number": NUMBERS}.get(kind, SEVERAL if kind.startswith("list") else TEXTS)
    chosen = problem or usual
    role = "number" if chosen == NUMBERS else "label"
    said = [f"texts in column {text!r}", f"{role}s in column {label!r} ({kind})"]
    second = _second_text(seen, text)
    pairs = {"second_text": second} if second else {}
    said += [f"pairs: the second texts in column {second!r}"] if second else []
    split, by_split = _split(seen)
    return chosen, {"text": text, **pairs, role: label} | split, (*said, *by_split)


_PAIRS = (
    *(("sentence1", "sentence2"), ("text1", "text2"), ("question1", "question2")),
    *(("premise", "hypothesis"), ("text_a", "text_b"), ("sentence_a", "sentence_b")),
    ("text", "second_text"),
)


def _second_text(seen: Seen, text: str) -> str:
    """The column of the second texts of pairs, by the usual names of both; "" for none."""
    lower = {name.lower(): name for name in seen.columns}
    other = dict(_PAIRS).get(text.lower(), "")
    return lower.get(other, "")


_WRITTEN_SAID = "prompts in column {prompt!r}, what follows them in {target!r}"
_QUESTIONS_SAID = "questions in column {question!r} on texts in {text!r}, answers in {answer!r}"


def _questions(seen: Seen, text: str, label: str, *, needed: bool) -> dict[str, str]:
    """The columns of questions on texts, by their usual names; empty if one has none.

    Raises:
        StageError: one has none, and they are needed.
    """
    lower = {name.lower(): name for name in reversed(list(seen.columns))}

    def usual(names: Sequence[str]) -> str:
        return next((lower[name] for name in names if name in lower), "")

    columns = {
        "question": usual(USUAL["question"]),
        "text": text or usual(USUAL["passage"]),
        "answer": label or usual(USUAL["answer"]),
    }
    if not needed and not all(name in seen.columns for name in columns.values()):
        return {}
    options = ("--problem question-answering: the column of questions", "--text", "--label")
    for option, name in zip(options, columns.values(), strict=True):
        _require(name, seen, option)
    more = {"answer_start": usual(("answer_start", "start")), "document": usual(("title",))}
    return columns | {role: name for role, name in more.items() if name}


def _written(seen: Seen, text: str, label: str) -> dict[str, str]:
    """The columns of prompts and of what follows them; empty if there are none by their names."""
    lower = {name.lower(): name for name in reversed(list(seen.columns))}
    columns = {
        role: given or next((lower[name] for name in names if name in lower), "")
        for role, given, names in (("prompt", text, _PROMPTS), ("target", label, _TARGETS))
    }
    given = bool(text and label)
    found = any(name in lower for name in _PROMPTS) and all(columns.values())
    return columns if given or found else {}


def _are_parts(seen: Seen, columns: Mapping[str, str]) -> bool:
    """Whether answers are words of their texts: not yes or no, and no few labels."""
    values = zip(*(seen.columns[columns[role]] for role in ("text", "answer")), strict=False)
    filled = [(str(text), answer) for text, answer in values if answer not in (None, "", [])]
    parts = [not isinstance(answer, str) or _has_words(text, answer) for text, answer in filled]
    marked = all(isinstance(answer, str | list | dict) for _, answer in filled)
    written = [answer for _, answer in filled if isinstance(answer, str)]
    few = len(written) > _FEW and len(set(written)) <= _FEW
    return marked and not few and sum(parts) > len(parts) / 2


def _has_words(text: str, words: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text))


def _split(seen: Seen) -> tuple[dict[str, str], list[str]]:
    """The role of the column with the split of each row, and the remark that names it."""
    found = next((name for name, values in seen.columns.items() if _is_split(values)), "")
    return ({"split": found}, [f"splits in column {found!r}"]) if found else ({}, [])


def _is_split(values: Sequence[Any]) -> bool:
    """Whether a column has words for splits alone."""
    return bool(values) and all(str(value).strip().lower() in SPLIT_WORDS for value in values)


def _require(column: str, seen: Seen, option: str) -> None:
    """Check that a column is there.

    Raises:
        StageError: it is not, or none was guessed.
    """
    if column in seen.columns:
        return
    there = ", ".join(map(repr, seen.columns))
    what = f"no column {column!r}{nearest(column, seen.columns)}" if column else "cannot be guessed"
    raise StageError(f"{option}: {what} in {seen.name}. Columns there: {there or 'none'}")


def _usual(role: str, names: Sequence[str]) -> str:
    """The column whose name is the most usual one for a role; else the first; "" for none."""
    lower = {name.lower(): name for name in reversed(names)}
    found = (lower[name] for name in USUAL[role] if name in lower)
    return next(found, names[0] if names else "")


def _text_column(seen: Seen, others: Sequence[str]) -> str:
    """The column of texts: by its name, else the one with the longest; "" for none."""
    texts = {
        name: fmean(len(str(value)) for value in values)
        for name, values in seen.columns.items()
        if name not in others and values and type_of(values) == "text"
    }
    usual = [name for name in texts if name.lower() in USUAL["text"]]
    return _usual("text", usual) if usual else max(texts, key=lambda n: texts[n], default="")


def _label_column(seen: Seen, text: str) -> str:
    """The column of labels: by its name, else the one with the fewest values; "" for none."""
    counts = {
        name: len(set(map(str, values)))
        for name, values in seen.columns.items()
        if name != text
        and values
        and not type_of(values).startswith(("list", "object", "empty"))
        and not _is_split(values)
    }
    for role in ("label", "number"):
        if usual := [name for name in counts if name.lower() in USUAL[role]]:
            return _usual(role, usual)
    lists = [name for name, values in seen.columns.items() if type_of(values) == "list of text"]
    if text and len(lists) == 1 and lists[0].lower() not in USUAL["tokens"]:
        return lists[0]  # several labels a text
    rows = len(seen.columns[text]) if text else 0
    few = {name: count for name, count in counts.items() if 1 < count <= _MOST_LABELS * rows}
    return min(few, key=lambda name: few[name], default="")
