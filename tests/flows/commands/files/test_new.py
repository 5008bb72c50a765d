"""`temper new` writes an experiment that `temper plan` accepts, and overwrites nothing."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from flows.commands.main import app
from tests.conftest import ROOT
from tests.support.odd_files import moods, semicolons, tags, texts


def call(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, " ".join(done.output.split())


def test_a_new_experiment_is_accepted_and_never_overwrites(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    files = [str(folder / write(folder)) for write in (texts, semicolons, tags)]
    mine = folder / "mine.yaml"
    words = ["--corpus", files[0], "--data", files[1], "--data", files[2], "--name", "both"]
    status, said = call("new", str(mine), *words)
    assert status == 0, said
    assert f"temper run {mine}" in said
    values = yaml.safe_load(mine.read_text())
    assert (values["name"], values["corpus"]) == ("both", {"source": "texts"})
    assert [entry["name"] for entry in values["downstream"]] == ["reviews-2024", "names"]
    assert "# " in mine.read_text()
    status, said = call("plan", str(mine))
    assert status == 0, said
    before = mine.read_bytes()
    status, said = call("new", str(mine), *words)
    assert (status, mine.read_bytes()) == (2, before)
    assert "is there already, and is not overwritten" in said


def test_rows_with_much_text_are_what_to_pre_train_on(home: Path, tmp_path: Path) -> None:
    lines = ["body,label", *(f"{'; '.join([text] * 90)},{label}" for text, label in moods())]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    status, said = call("new", str(tmp_path / "a.yaml"), "--data", str(tmp_path / "t.csv"))
    assert status == 0, said
    values = yaml.safe_load((tmp_path / "a.yaml").read_text())
    assert values["corpus"] == {"source": "t.csv", "text_column": "body"}
    status, said = call("plan", str(tmp_path / "a.yaml"))
    assert status == 0, said


def test_the_problem_and_the_columns_can_be_given(home: Path, tmp_path: Path) -> None:
    lines = [f"{text},{len(text)},{n % 2}" for n, (text, _) in enumerate(moods())]
    (tmp_path / "t.csv").write_text("\n".join(["body,marks,even", *lines]) + "\n")
    words = ["--data", str(tmp_path / "t.csv"), "--problem", "regression", "--label", "marks"]
    status, said = call("new", str(tmp_path / "a.yaml"), *words)
    assert status == 0, said
    [entry] = yaml.safe_load((tmp_path / "a.yaml").read_text())["downstream"]
    assert entry["problem"] == "regression"
    assert entry["columns"] == {"text": "body", "number": "marks"}
    status, said = call("plan", str(tmp_path / "a.yaml"))
    assert status == 0, said


def test_splits_in_a_column_are_kept(home: Path, tmp_path: Path) -> None:
    parts = ["train"] * 80 + ["dev"] * 20 + ["test"] * 20
    rows = zip(moods(), parts, strict=True)
    lines = ["text,label,part", *(f"{text},{label},{part}" for (text, label), part in rows)]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    status, said = call("new", str(tmp_path / "a.yaml"), "--data", str(tmp_path / "t.csv"))
    assert status == 0, said
    [entry] = yaml.safe_load((tmp_path / "a.yaml").read_text())["downstream"]
    assert entry["columns"] == {"split": "part"}
    status, said = call("plan", str(tmp_path / "a.yaml"))
    assert status == 0, said


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["a.yaml"], "accepted: --corpus PATH, --data PATH, or both"),
        (["a.txt", "--data", "t.csv"], "a.txt: accepted: a file that ends in .yaml"),
        (["no/a.yaml", "--data", "t.csv"], "no/a.yaml: no folder"),
        (["a.yaml", "--data", "none.csv"], "there is no file or folder none.csv"),
        (["a.yaml", "--data", "t.csv"], "has no labels that can be guessed"),
        (["a.yaml", "--corpus", "t.csv", "--name", "a b"], "'a b' is no name; accepted: letters"),
        (["a.yaml", "--corpus", "t.csv", "--label", "x"], "of one --data with labels; found 0 of"),
        (["a.yaml", "--data", "t.csv", "--label", "lable"], "--label: no column 'lable'"),
        (["a.yaml", "--data", "t.csv", "--problem", "regresion"], "did you mean regression"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(
    words: list[str],
    wrong: str,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text("text\nA text.\nAnother text.\n")
    status, said = call("new", *words)
    assert (status, wrong in said) == (2, True), said
    assert list(tmp_path.rglob("a.yaml")) == []


def test_in_a_terminal_it_asks(home: Path, tmp_path: Path) -> None:
    semicolons(tmp_path)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.commands.main", "new"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    os.write(ours, b"\nReviews 2024.csv\n\n")
    said, _ = process.communicate(timeout=120)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0, said
    values = yaml.safe_load((tmp_path / "experiment.yaml").read_text())
    assert values["name"] == "experiment"
    assert values["corpus"] == {"source": "builtin:pydocs"}, "the rows have too little text"
    assert values["downstream"][0]["source"] == "Reviews 2024.csv"
    assert "temper run experiment.yaml" in said
