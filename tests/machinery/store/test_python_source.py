"""Parsing Python source in several threads at once."""

from __future__ import annotations

import ast
import contextlib
import gc
import sys
import threading
from collections.abc import Iterator

import pytest

from tasks.machinery.store.python_source import parse
from tests.conftest import ROOT


@pytest.fixture
def switching() -> Iterator[None]:
    """Threads that take turns also inside the parser."""
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    callback = lambda *_: None  # noqa: E731
    sys.setswitchinterval(1e-6)
    gc.set_threshold(50)
    gc.callbacks.append(callback)
    yield
    gc.callbacks.remove(callback)
    gc.set_threshold(*threshold)
    sys.setswitchinterval(interval)


def test_sources_are_parsed_while_other_threads_parse(switching: None) -> None:
    sources = [file.read_bytes() for file in sorted((ROOT / "tasks").rglob("*.py"))[:100]]
    found: list[str] = []
    ended = threading.Event()

    def parse_all() -> None:
        found.extend(ast.dump(parse(source)) for source in sources)

    def parse_elsewhere() -> None:  # as libraries do
        while not ended.wait(0.02):
            with contextlib.suppress(SystemError):  # the bug of Python 3.11 that `parse` avoids
                ast.parse(sources[0])

    elsewhere = threading.Thread(target=parse_elsewhere)
    elsewhere.start()
    threads = [threading.Thread(target=parse_all) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended.set()
    elsewhere.join()
    assert sorted(found) == sorted(2 * [ast.dump(ast.parse(source)) for source in sources])


def test_source_with_a_mistake_is_refused() -> None:
    with pytest.raises(SyntaxError):
        parse(b"def")
