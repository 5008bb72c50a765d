"""Docstrings of installed packages, read from their source files with `ast` and never imported.

Parsing dominates the time: some 9,000 files, 160 MB, 12 s on one core with the garbage collector
off (a syntax tree has no cycles, and collecting it takes as long as building it). So one process
per core reads its share of the files and writes one line of JSON per file. Reading each line from
the process that owns the file restores the order of the files. The processes are started by `python
-m`, not by `multiprocessing`, whose children would first import the caller's main module (Prefect,
MLflow), and would outlive a killed caller.
"""

from __future__ import annotations

import ast
import gc
import importlib
import importlib.metadata
import importlib.util
import inspect
import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from tasks.contract import StageError
from tasks.machinery.store.python_source import parse

DISTRIBUTIONS = {
    "numpy": "numpy",
    "scipy": "scipy",
    "pandas": "pandas",
    "sklearn": "scikit-learn",
    "torch": "torch",
    "transformers": "transformers",
    "matplotlib": "matplotlib",
    "sqlalchemy": "sqlalchemy",
    "networkx": "networkx",
    "sympy": "sympy",
    "mlflow": "mlflow",
    "prefect": "prefect",
}

_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Docstring:
    """A docstring, and the names that its module defines.

    Attributes:
        document: Its id, as `scipy/optimize/_minimize.py::minimize`.
        text: The text without indentation.
        parameters: Names of the parameters of the function, or of the class's `__init__`.
        functions: Names of all functions and methods of the module.
        classes: Names of all its classes.
    """

    document: str
    text: str
    parameters: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()


def versions() -> dict[str, str]:
    """Versions of the packages, and of Python, since files that it cannot parse are skipped.

    Raises:
        StageError: a package is not installed.
    """
    found, missing = {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}, []
    for package, distribution in DISTRIBUTIONS.items():
        try:
            found[distribution] = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            missing.append(distribution)
        else:
            _folder(package)
    if missing:
        raise StageError(
            f"not installed: {', '.join(missing)}; the built-in sources read the docstrings of "
            f"{', '.join(DISTRIBUTIONS.values())}; `make setup` installs them all"
        )
    return found


def extract(
    function: str, megabytes_each: float = 0.0, cores: int | None = None
) -> Iterator[tuple[int, int, list[Any]]]:
    """Apply a function to every docstring of the packages, on all cores, always in the same order.

    Args:
        function: `module:name` of a function from a `Docstring` to a list of JSON values.
        megabytes_each: Read this much source of each package, from files chosen by a hash of their
            names; 0 reads all.
        cores: Number of processes; None for one per core that this process may use.

    Yields:
        For each file: its number from 1, how many there are, and the values of its docstrings.
    """
    count = cores or _cores()
    files = _files(megabytes_each)
    workers = [_start(function, megabytes_each, rank, count) for rank in range(count)]
    try:
        owners = _owners(files, count)
        for done, ((_, name), owner) in enumerate(zip(files, owners, strict=True), 1):
            stdout = workers[owner].stdout
            line = stdout.readline() if stdout else b""
            if not line:
                code = workers[owner].wait()
                raise RuntimeError(f"the process that reads {name} ended with code {code}")
            yield done, len(files), json.loads(line)
    finally:
        for worker in workers:
            worker.kill()
            worker.communicate()


def _cores() -> int:
    """Cores this process may use, at most eight: more would wait for the one that collects."""
    allowed = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(allowed, 8)


def _start(function: str, megabytes: float, rank: int, count: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", __name__, function, str(megabytes), str(rank), str(count)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)  # of a top-level name: finds it without importing it
    if spec is None or spec.origin is None:
        raise StageError(
            f"{DISTRIBUTIONS[package]} is installed, but its package {package} cannot be found"
        )
    return Path(spec.origin).parent


def _files(megabytes_each: float) -> list[tuple[Path, str]]:
    """Source files with their names in document ids; without tests, which have little prose."""
    chosen = []
    for package in DISTRIBUTIONS:
        folder = _folder(package)
        names = [
            path.relative_to(folder.parent).as_posix()
            for path in folder.rglob("*.py")
            if {"tests", "test"}.isdisjoint(path.relative_to(folder).parts)
        ]
        if megabytes_each:
            names.sort(key=lambda name: blake2b(name.encode()).digest())
            names = _first(names, folder.parent, int(megabytes_each * 1e6))
        chosen += [(folder.parent / name, name) for name in sorted(names)]
    return chosen


def _first(names: Sequence[str], root: Path, limit: int) -> list[str]:
    taken, size = [], 0
    for name in names:
        if size >= limit:
            break
        taken.append(name)
        size += (root / name).stat().st_size
    return taken


def _owners(files: Sequence[tuple[Path, str]], count: int) -> list[int]:
    """Which process reads each file: always the one with the fewest bytes so far."""
    loads, owners = [0] * count, []
    for path, _ in files:
        owner = loads.index(min(loads))
        loads[owner] += path.stat().st_size
        owners.append(owner)
    return owners


def docstrings_of(source: bytes, name: str) -> Iterator[Docstring]:
    """The docstrings of one module: its own, and those of classes and functions outside functions.

    A second definition of a name (an overload, a setter) gets `#2` after its id. Source that this
    Python cannot parse has no docstrings.
    """
    if b'"""' not in source and b"'''" not in source:
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in other people's docstrings
            tree = parse(source)
    except (SyntaxError, ValueError):
        return
    definitions = list(_definitions(tree.body, ""))
    classes = frozenset(node.name for _, node in definitions if isinstance(node, ast.ClassDef))
    functions = frozenset(node.name for _, node in definitions) - classes
    seen: dict[str, int] = {}
    for path, node in [("", tree), *definitions]:
        text = ast.get_docstring(node, clean=False)
        if text:
            seen[path] = seen.get(path, 0) + 1
            mark = f"#{seen[path]}" if seen[path] > 1 else ""
            clean = inspect.cleandoc(text).encode("utf-8", "replace").decode()  # lone surrogates
            yield Docstring(
                f"{name}::{path}{mark}" if path else name,
                clean,
                _parameters(node),
                functions,
                classes,
            )


def _definitions(body: Sequence[ast.stmt], prefix: str) -> Iterator[tuple[str, _Definition]]:
    for node in body:
        if isinstance(node, _Definition):
            yield prefix + node.name, node
        if isinstance(node, ast.ClassDef):
            yield from _definitions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.If | ast.Try):
            yield from _definitions([*node.body, *node.orelse], prefix)


def _parameters(node: ast.Module | _Definition) -> frozenset[str]:
    if isinstance(node, ast.ClassDef):
        inits = (d for d in node.body if isinstance(d, ast.FunctionDef) and d.name == "__init__")
        return _parameters(next(inits, ast.Module([], [])))
    if isinstance(node, ast.Module):
        return frozenset()
    arguments = node.args
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return frozenset(arg.arg for arg in [*named, arguments.vararg, arguments.kwarg] if arg)


def _work(function: str, megabytes: float, rank: int, count: int) -> None:
    gc.disable()
    module, _, attribute = function.partition(":")
    apply: Callable[[Docstring], list[Any]] = getattr(importlib.import_module(module), attribute)
    files = _files(megabytes)
    for (path, name), owner in zip(files, _owners(files, count), strict=True):
        if owner != rank:
            continue
        values = [value for doc in docstrings_of(path.read_bytes(), name) for value in apply(doc)]
        sys.stdout.write(json.dumps(values) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    for name in {"SIGINT", "SIGPIPE"} & set(dir(signal)):  # to end without a traceback of its own
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    _work(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
