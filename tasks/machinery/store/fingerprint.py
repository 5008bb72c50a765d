"""The key of a stage: everything that can change its result, and nothing else.

A key is a small document, kept in the manifest, so that a plan can say what differs:

    {"stage": "pretraining",
     "part": {"model.layers": 2, …},            values of the fields that count
     "inputs": {"tokens": <digest>, …},         what it reads, by content
     "code": {"tasks.stages.pretraining": <digest>},   the modules it runs, as syntax trees
     "libraries": {"torch": "2.13", …}}         what it computes with

Comments and docstrings are not in a module's digest. The fingerprint is the SHA-256 of the key.
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
from collections.abc import Iterable, Mapping
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from tasks.contract import StageError

PACKAGE = "tasks"
# What cannot change a result: the machinery, the contract of a stage, and the names and bounds of
# the fields (their values are in the key themselves).
LEFT_OUT = ("tasks.contract", "tasks.experiment", "tasks.machinery")

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
    """A part of an experiment, which knows which of its fields count."""

    def keyed(self, around: tuple[Any, ...]) -> Mapping[str, Any]:
        """The fields that are in the key, by name.

        Args:
            around: the parts around this one, outermost first: they may decide what counts.
        """


def key_part(value: Any, around: tuple[Any, ...] = ()) -> Any:
    """A value as it enters the key: parts without the fields that cannot change results."""
    if isinstance(value, Keyed):
        inside = (*around, value)
        return {name: key_part(item, inside) for name, item in value.keyed(around).items()}
    if isinstance(value, Mapping):
        return {str(name): key_part(item, around) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [key_part(item, around) for item in value]
    return value


class _Essence(ast.NodeTransformer):
    """A syntax tree without its docstrings (comments are not in it to begin with)."""

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
    """Where a module is, without importing what is above it, as `find_spec` alone would."""
    parent = module.rpartition(".")[0]
    if not parent:
        return importlib.util.find_spec(module)
    above = _spec(parent)
    places = above.submodule_search_locations if above else None
    return PathFinder.find_spec(module, places) if places else None


def _imported(tree: ast.Module, module: str, is_package: bool) -> set[str]:
    """The modules of this package that a tree imports, at any depth."""
    found: set[str] = set()
    for node in ast.walk(tree):
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


class Code(NamedTuple):
    """A module: its digest, the modules of this package that it needs, and when it was changed."""

    digest: str
    needs: frozenset[str]
    changed: int


@functools.cache
def _read(module: str) -> Code:
    file = _module_file(module)
    if file is None:
        raise ModuleNotFoundError(module)
    changed = file.stat().st_mtime_ns
    tree = ast.parse(file.read_bytes())
    imported = _imported(tree, module, file.name == "__init__.py")
    parents = {module.rpartition(".")[0]} - {""}
    return Code(_digest_code(tree), frozenset(imported | parents), changed)


def _digest_code(tree: ast.Module) -> str:
    essence = ast.dump(_Essence().visit(tree), annotate_fields=False)
    return hashlib.sha256(essence.encode()).hexdigest()


def _left_out(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in LEFT_OUT)


def code_digests(modules: Iterable[str]) -> dict[str, str]:
    """Digest of each module under `tasks/` that these run, transitively, without the machinery."""
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
    """Make sure that modules that were just imported are what their digests were taken of.

    A stage's modules are imported when it begins, which may be hours after the process made its
    first key: what code computes that was edited meanwhile must not be kept under that key.

    Raises:
        StageError: a module was changed.
    """
    changed = [module for module in modules if _digest_now(module) != _read(module).digest]
    if changed:
        raise StageError(
            f"the code of {', '.join(changed)} was changed since this run began, so its key would "
            "not be true. Nothing was put in place; run it again"
        )


def _digest_now(module: str) -> str:
    """Digest of a module's code, read anew if its file was touched since it was read."""
    file = _module_file(module)
    if file is None or not file.is_file():
        return "gone"
    if file.stat().st_mtime_ns == _read(module).changed:
        return _read(module).digest
    return _digest_code(ast.parse(file.read_bytes()))


def version_precision() -> VersionPrecision:
    """How closely library versions are held: `TEMPER_VERSIONS`, minor by default."""
    value = os.environ.get("TEMPER_VERSIONS", "minor")
    if value not in ("minor", "exact", "ignored"):
        raise StageError(f"TEMPER_VERSIONS is {value!r}; accepted: minor, exact, ignored")
    return value  # type: ignore[return-value]


@functools.cache
def _version(library: str) -> str:
    return importlib.metadata.version(library)


def library_versions(libraries: Iterable[str]) -> dict[str, str]:
    """Versions of what a stage computes with, as closely as `TEMPER_VERSIONS` says."""
    precision = version_precision()
    if precision == "ignored":
        return {}
    versions = {"python": platform.python_version()}
    versions |= {name: _version(name) for name in libraries}
    if precision == "minor":
        versions = {name: ".".join(text.split(".")[:2]) for name, text in versions.items()}
    return dict(sorted(versions.items()))
