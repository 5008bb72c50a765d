"""A model as ONNX answers as in torch; where a package is missing, the message says which."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from flows.commands.main import app
from tasks.contract import StageError
from tasks.references import as_onnx
from tests.support.tiny_models import write_body

INSTALLED = all(find_spec(name) for name in as_onnx.NEEDED)
needs_onnx = pytest.mark.skipif(not INSTALLED, reason="pip install -e '.[onnx]'")


@needs_onnx
@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [
        *("bert", "llama"),
        *(pytest.param(kind, marks=pytest.mark.long) for kind in ("gpt2", "roberta", "electra")),
    ],
)
def test_it_answers_as_in_torch(kind: str, tmp_path: Path) -> None:
    folder = write_body(tmp_path / kind, kind)
    found = as_onnx.write_onnx(folder)
    assert (folder / as_onnx.FILE).stat().st_size > 1000
    assert found.inputs[:2] == ["input_ids", "attention_mask"]
    assert 0 < found.difference < as_onnx.TOLERANCE


@needs_onnx
@pytest.mark.slow
@pytest.mark.usefixtures("mlflow_database")
def test_the_command_writes_it_and_says_so_in_the_card(tmp_path: Path) -> None:
    folder, to = write_body(tmp_path / "body", "bert-mlm"), tmp_path / "out"
    done = CliRunner().invoke(app, ["export", str(folder), "--to", str(to), "--onnx"])
    assert done.exit_code == 0, done.output
    assert "model.onnx reads input_ids, attention_mask and gives logits" in (
        to / "README.md"
    ).read_text().replace("\n", " ")
    assert (to / "model.onnx").is_file()


@needs_onnx
@pytest.mark.slow
def test_other_answers_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_body(tmp_path / "body", "bert-mlm")
    export = as_onnx._export

    def spoilt(answer: Any, *rest: Any) -> None:
        export(answer, *rest)
        for weight in answer.model.parameters():
            weight.data += 0.5

    monkeypatch.setattr(as_onnx, "_export", spoilt)
    with pytest.raises(StageError, match="answers otherwise than torch: numbers differ by"):
        as_onnx.write_onnx(folder)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(as_onnx, "NEEDED", ("json", "no_such_package", "nor_this_one"))
    with pytest.raises(StageError, match="--onnx needs no_such_package, nor_this_one, which are"):
        as_onnx.require_onnx()
    done = CliRunner().invoke(app, ["export", str(tmp_path), "--to", str(tmp_path / "x"), "--onnx"])
    assert done.exit_code == 2
    assert "pip install" in done.stderr
    assert not (tmp_path / "x").exists()
