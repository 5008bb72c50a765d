"""The key of a stage: everything that can change its result, and nothing else.

A key is a small document, stored in the manifest, so that a plan can say what differs:

    {"stage": "pretraining",
     "part": {"model.layers": 2, …},            values of the fields that count
     "inputs": {"tokens": <digest>, …},         what it reads, by content
     "code": {"tasks.stages.pretraining": <digest>},   the modules it runs, as syntax trees
     "libraries": {"torch": "2.13", …}}         what it computes with

Words do not compute: comments, docstrings, what is raised and said, and the titles and descriptions
of fields are not in a module's digest. The fingerprint is the SHA-256 of the key.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from tasks.contract import StageError
from tasks.machinery.store.python_source import parse

PACKAGE = "tasks"
# Modules that cannot change a result: the machinery, the contract of a stage, and the names and
# bounds of the fields (their values are in the key).
LEFT_OUT = ("tasks.contract", "tasks.experiment", "tasks.machinery")
FIELDS = "tasks.experiment.fields"  # whose `field(…)` holds words; values of fields are in the key

VersionPrecision = Literal["minor", "exact", "ignored"]


def digest(value: Any) -> str:
    """SHA-256 of a JSON value in canonical form; TypeError for anything else."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings and lists as dotted names: {"model.layers": 2, "downstream.0.name": …}."""
    if isinstance(value, Mapping):
        items: Iterable[tuple[Any, Any]] = value.items()
    elif isinstance(value, list | tuple) and value:
        items = enumerate(value)
    else:
        return {prefix: value}
    return {
        name: leaf
        for key, item in items
        for name, leaf in flatten(item, f"{prefix}.{key}" if prefix else str(key)).items()
    }


@runtime_checkable
class Keyed(Protocol):
    """A part of an experiment, which knows which of its fields are in the key."""

    def keyed(self, around: tuple[Any, ...]) -> Mapping[str, Any]:
        """The fields that are in the key, by name.

        Args:
            around: the enclosing parts, outermost first, which may decide that.
        """


def key_part(value: Any, around: tuple[Any, ...] = ()) -> Any:
    """A value as it enters the key: fields that cannot change results are left out."""
    if isinstance(value, str):  # a digest of each file of a source; the check below is slow
        return value
    if isinstance(value, Keyed):
        inside = (*around, value)
        return {name: key_part(item, inside) for name, item in value.keyed(around).items()}
    if isinstance(value, Mapping):
        return {str(name): key_part(item, around) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [key_part(item, around) for item in value]
    return value


SPOKEN = ("say", "warn")  # methods of a monitor


class _Essence(ast.NodeTransformer):
    """A syntax tree without words (comments are not in it to begin with).

    Without docstrings, and without the arguments of `raise …(…)`, of `….say(…)`, `….warn(…)` and
    of the `field(…)` of an experiment (`dataclasses.field` computes, and stays).
    """

    def __init__(self, *, fields: bool) -> None:
        self.fields = fields  # whether `field` is that of an experiment here

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.exc, ast.Call):
            node.exc.args, node.exc.keywords = [], []
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        is_field = self.fields and isinstance(node.func, ast.Name) and node.func.id == "field"
        if is_field or (isinstance(node.func, ast.Attribute) and node.func.attr in SPOKEN):
            node.args, node.keywords = [], []
        return node

    def _without_docstring(self, node: Any) -> Any:
        self.generic_visit(node)
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return node

    visit_Module = visit_ClassDef = visit_FunctionDef = visit_AsyncFunctionDef = _without_docstring  # noqa: N815


@functools.cache
def _module_file(module: str) -> Path | None:
    spec = _spec(module)
    return Path(spec.origin) if spec and spec.origin else None


def _spec(module: str) -> ModuleSpec | None:
    """The spec of a module, without importing its parents, as `find_spec` alone would."""
    parent = module.rpartition(".")[0]
    if not parent:
        return importlib.util.find_spec(module)
    above = _spec(parent)
    places = above.submodule_search_locations if above else None
    return PathFinder.find_spec(module, places) if places else None


def _imported(tree: ast.Module, module: str, is_package: bool) -> set[str]:
    """The modules of this package that a tree imports, at any depth."""
    found: set[str] = set()
    for node in _run(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                drop = node.level - (1 if is_package else 0)
                parents = module.split(".")
                base = ".".join(parents[: len(parents) - drop] + ([base] if base else []))
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return {name for name in found if name.split(".")[0] == PACKAGE and _module_file(name)}


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a tree, but for what only type checkers read."""
    yield tree
    for child in ast.iter_child_nodes(tree):
        if not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from _run(child)


class Code(NamedTuple):
    """A module: its digest, the modules of this package that it imports, and its mtime."""

    digest: str
    needs: frozenset[str]
    changed: int


@functools.cache
def _read(module: str) -> Code:
    file = _module_file(module)
    if file is None:
        raise ModuleNotFoundError(module)
    changed = file.stat().st_mtime_ns
    tree = parse(file.read_bytes())
    imported = _imported(tree, module, file.name == "__init__.py")
    parents = {module.rpartition(".")[0]} - {""}
    return Code(_digest_code(tree), frozenset(imported | parents), changed)


def _digest_code(tree: ast.Module) -> str:
    fields = any(
        isinstance(node, ast.ImportFrom)
        and node.module == FIELDS
        and any(alias.name == "field" and alias.asname is None for alias in node.names)
        for node in ast.walk(tree)
    )
    essence = _without_unused(_Essence(fields=fields).visit(tree))
    return hashlib.sha256(ast.dump(essence, annotate_fields=False).encode()).hexdigest()


def _without_unused(tree: ast.Module) -> ast.Module:
    """The tree without private functions and constants that nothing in it uses.

    What only composed a message is used no more once the message is left out.
    """
    names = {id(node): _names_in(node) for node in tree.body}
    while True:
        used = Counter(name for node in tree.body for name in names[id(node)])
        body = [
            node
            for node in tree.body
            if not (name := _private_name(node)) or used[name] > (name in names[id(node)])
        ]
        if len(body) == len(tree.body):
            return tree
        tree.body = body


def _private_name(node: ast.stmt) -> str:
    """The private name that a function or an assignment at the top of a module defines, or ""."""
    name = ""
    if isinstance(node, ast.FunctionDef) and not node.decorator_list:
        name = node.name
    elif isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
        name = target.id if isinstance(target, ast.Name) else ""
    return name if name.startswith("_") and not name.startswith("__") else ""


def _names_in(node: ast.AST) -> set[str]:
    """Every name that is used in a tree, as a variable or as text (an annotation, `getattr`)."""
    found = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            found.add(part.id)
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            found.add(part.value)
    return found


def _left_out(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in LEFT_OUT)


def code_digests(modules: Iterable[str]) -> dict[str, str]:
    """Digest of each module under `tasks/` that these import, at any depth, without LEFT_OUT."""
    waiting, found = list(modules), dict[str, str]()
    while waiting:
        module = waiting.pop()
        if module in found or _left_out(module):
            continue
        code = _read(module)
        found[module] = code.digest
        waiting.extend(code.needs)
    return dict(sorted(found.items()))


def require_same_code(modules: Iterable[str]) -> None:
    """Check that modules that were just imported still have the digests in the key.

    A stage's modules are imported when it starts, possibly hours after the process computed its
    first key. A result of code that was edited in between must not be stored under that key.

    Raises:
        StageError: a module was changed.
    """
    changed = [module for module in modules if _digest_now(module) != _read(module).digest]
    if changed:
        raise StageError(
            f"the code of {', '.join(changed)} changed after this run started, so its key would "
            "be wrong. Nothing was stored; run it again"
        )


def _digest_now(module: str) -> str:
    """Digest of a module's code, read again if its file was touched since it was last read."""
    file = _module_file(module)
    if file is None or not file.is_file():
        return "gone"
    if file.stat().st_mtime_ns == _read(module).changed:
        return _read(module).digest
    return _digest_code(parse(file.read_bytes()))


def version_precision() -> VersionPrecision:
    """How precisely library versions enter keys: `TEMPER_VERSIONS`, minor by default."""
    value = os.environ.get("TEMPER_VERSIONS", "minor")
    if value not in ("minor", "exact", "ignored"):
        raise StageError(f"TEMPER_VERSIONS is {value!r}; accepted: minor, exact, ignored")
    return value  # type: ignore[return-value]


@functools.cache
def _version(library: str) -> str:
    return importlib.metadata.version(library)


def library_versions(libraries: Iterable[str]) -> dict[str, str]:
    """Versions of the libraries a stage computes with, as precise as `TEMPER_VERSIONS` says."""
    precision = version_precision()
    if precision == "ignored":
        return {}
    versions = {"python": platform.python_version()}
    versions |= {name: _version(name) for name in libraries}
    if precision == "minor":
        versions = {name: ".".join(text.split(".")[:2]) for name, text in versions.items()}
    return dict(sorted(versions.items()))
