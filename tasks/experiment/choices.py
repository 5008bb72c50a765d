"""Choices that are filled from folders: the variants that a person can choose. Imports are light.

Facts about a variant that are needed before it is imported are tuples of words at the top level of
its module: the `ROLES` of a problem, the `HEADS` of a family. They are read from the module's
source, without importing it.
"""

from __future__ import annotations

import ast
import functools
from typing import Any, Literal

from tasks.contract import StageError
from tasks.machinery.naming.variants import TASKS, modules_in, names_in
from tasks.machinery.store.python_source import parse

Package = Literal[
    "families",
    "objectives",
    "problems",
    "tuning",
    "explanations",
    "families/images",
    "families/published",
    "objectives/images",
]


@functools.cache
def names(package: Package) -> tuple[str, ...]:
    """The variants in a package: `a-b` is `a_b.py`, and the objective `a+b` is `a_b.py`."""
    if package == "problems":
        return names_in(package, "rows.py")
    between = "+" if package == "objectives" else "-"
    return tuple(name.replace("-", between) for name in modules_in(package))


@functools.cache
def of_pictures() -> tuple[str, ...]:
    """The problems whose rows are pictures: their folders have a `pictures.py`."""
    return names_in("problems", "pictures.py")


@functools.cache
def explainable() -> tuple[str, ...]:
    """The problems whose answers can be explained: their folders have an `explained.py`."""
    return names_in("problems", "explained.py")


@functools.cache
def probed() -> tuple[str, ...]:
    """The problems whose answers a linear probe can give: their folders have a `probed.py`."""
    return names_in("problems", "probed.py")


def of_pictures_with(*roles: str) -> dict[str, tuple[str, ...]]:
    """The choices with which a field of these roles counts, as `only_with` of a field."""
    stated = ((each, words_of("problems", each, "ROLES")) for each in of_pictures())
    return {"problem": tuple(each for each, words in stated if {*roles} & {*words})}


@functools.cache
def summaries_of_problems() -> str:
    """What each problem on text predicts: the first sentence of its package, after the colon."""
    said = []
    for name in names("problems"):
        file = TASKS / "problems" / name.replace("-", "_") / "__init__.py"
        first = (ast.get_docstring(parse(file.read_bytes())) or "").partition("\n")[0]
        said.append(f"{name}: {first.partition(': ')[2].removesuffix('.')}")
    return "; ".join(said)


@functools.cache
def words_of(package: Package, variant: str, name: str) -> tuple[str, ...]:
    """The words that a variant states under a name; empty if it does not state it."""
    value, file = _stated(package, variant, name)
    return () if value is None else tuple(_literal(value, file, name))


@functools.cache
def table_of(package: Package, variant: str, name: str) -> dict[str, tuple[int, ...]]:
    """The tuples of numbers that a variant states under a name, each with a name of its own."""
    value, file = _stated(package, variant, name)
    return {} if value is None else dict(_literal(value, file, name))


@functools.cache
def described_in(package: Package, variant: str, name: str) -> dict[str, str]:
    """The words that a variant states under a name, each with its description."""
    value, file = _stated(package, variant, name)
    return {} if value is None else dict(_literal(value, file, name))


def _stated(package: Package, variant: str, name: str) -> tuple[ast.expr | None, str]:
    """What a variant assigns to a name, if it does, and its file."""
    module = variant.replace("-", "_").replace("+", "_")
    file = f"{module}.py"
    if package == "problems":
        file = f"{module}/{'pictures' if variant in of_pictures() else 'rows'}.py"
    place = f"tasks/{package}/{file}"
    for node in parse((TASKS / package / file).read_bytes()).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                return value, place
            case ast.AnnAssign(target=ast.Name(id=found), value=ast.expr() as value) if (
                found == name
            ):
                return value, place
            case ast.ImportFrom(names=given) if name in {
                each.asname or each.name for each in given
            }:
                raise StageError(_NOT_WRITTEN.format(place, name))
    return None, place


_NOT_WRITTEN = "{}: {} must be written out in the file, as a tuple of words: it is read unimported"


def _literal(value: ast.expr, file: str, name: str) -> Any:
    try:
        return ast.literal_eval(value)
    except ValueError:
        raise StageError(_NOT_WRITTEN.format(file, name)) from None


def those_with(package: Package, name: str, word: str) -> tuple[str, ...]:
    """The variants that state a word under a name: the problems with the role `tags`."""
    return tuple(each for each in names(package) if word in words_of(package, each, name))


def is_decoder(family: str) -> bool:
    """Whether a family reads from left to right, so that the last place has seen all others."""
    known = family in names("families")
    return known and "next tokens" in words_of("families", family, "HEADS")


def only_with(choice: str, package: Package, name: str, *words: str) -> dict[str, tuple[str, ...]]:
    """The choices with which a field counts: those that state one of some words; empty if all do.

    Args:
        choice: the field of the choice: `problem`.
        package: the package that it is filled from.
        name: the name of the words in a variant: `ROLES`.
        words: such as `tags`.
    """
    stated = {each for word in words for each in those_with(package, name, word)}
    found = tuple(each for each in names(package) if each in stated)
    return {} if found == names(package) else {choice: found}
