"""Taking stock of a store lists each of its folders once, however many there are."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tasks.machinery.freeing import contents
from tasks.machinery.freeing.contents import take_stock
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.store import Store
from tests.support.many_artifacts import write_many

KEY = {"stage": "toy", "part": {}, "inputs": {}, "code": {}, "libraries": {}}


def test_each_folder_of_a_large_store_is_listed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_many(tmp_path, KEY, "number", 1_000)
    listed, read = Counter[str](), Counter[str]()
    scan, read_manifest = os.scandir, contents.read_manifest

    def scanned(folder: str) -> Any:
        listed[folder] += 1
        return scan(folder)

    def counted(folder: Path) -> Artifact | None:
        read[str(folder)] += 1
        return read_manifest(folder)

    monkeypatch.setattr(contents, "os", SimpleNamespace(scandir=scanned, DirEntry=os.DirEntry))
    monkeypatch.setattr(contents, "read_manifest", counted)
    items = take_stock(Store(tmp_path))
    assert all(item.complete for item in items)
    folders = {str(item.folder) for item in items}
    assert len(folders) == 1_000
    assert read == dict.fromkeys(folders, 1)
    assert listed == dict.fromkeys(folders | {f"{each}/output" for each in folders}, 1)
