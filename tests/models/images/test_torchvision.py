"""A torchvision that does not load is reported; without one, all is well."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tasks.models.images.torchvision import torchvision_problem


def install(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "torchvision").mkdir()
    (folder / "torchvision" / "__init__.py").write_text(code)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")


def test_one_that_does_not_load_is_named_with_the_remedy(tmp_path, monkeypatch) -> None:
    error = "operator torchvision::nms does not exist"
    install(tmp_path, f"raise RuntimeError({error!r})", monkeypatch)
    said = torchvision_problem()
    assert error in said
    assert "pip uninstall torchvision" in said


def test_one_that_loads_is_no_problem(tmp_path, monkeypatch) -> None:
    install(tmp_path, "", monkeypatch)
    assert torchvision_problem() == ""
