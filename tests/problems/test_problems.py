"""Problems are found by name, and plans can name them without loading torch."""

import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from tasks import problems
from tasks.contract import StageError
from tasks.experiment.problem import ColumnRoles
from tasks.models import files
from tasks.problems import Description, Problem


def test_problems_are_the_folders_with_rows():
    folders = {file.parent.name for file in Path(problems.__file__).parent.glob("*/rows.py")}
    assert set(problems.names()) == {name.replace("_", "-") for name in folders}
    assert {"text-classification", "token-classification"} <= set(problems.names())


@pytest.mark.parametrize("name", problems.names())
def test_every_problem_has_modules_that_say_everything(name):
    kind = problems.load(name)
    assert problems.part_of(name, "rows") == f"tasks.problems.{name.replace('-', '_')}.rows"
    said = (
        {key for part in (Problem, Description) for key in vars(part) if not key.startswith("_")}
        | Problem.__annotations__.keys()
        | Description.__annotations__.keys()
    )
    if kind.PARTS is None:
        said -= {"part_scores", "report", "confusion"}
    assert [key for key in sorted(said) if not hasattr(kind, key)] == []
    assert kind.HEADLINE in kind.METRICS
    rows = import_module(problems.part_of(name, "rows"))
    undescribed = set(rows.ROLES) - set(ColumnRoles.model_fields)
    assert not undescribed, "a role of its own is described in ROLE_WORDS of rows.py"


def test_one_problem_at_most_is_the_default_of_a_head():
    heads = [problems.described(name).HEAD for name in problems.every()]
    shared = [(head.architecture, head.problem_type) for head in heads if head.is_default]
    assert len(shared) == len(set(shared)), "of a head that another problem has: is_default=False"


def test_a_published_model_solves_the_default_problem_of_its_head(monkeypatch):
    usual = problems.described("text-classification")
    other = SimpleNamespace(HEAD=replace(usual.HEAD, is_default=False))
    found = {"a-new-problem": other, "text-classification": usual}
    monkeypatch.setattr(files, "every", lambda: tuple(found))
    monkeypatch.setattr(files, "described", found.get)
    published = {"architectures": ["BertForSequenceClassification"]}
    published |= {"id2label": {"0": "a", "1": "b"}}
    assert files.problem_of(published) == "text-classification"
    assert files.problem_of(published | {files.PROBLEM: "a-new-problem"}) == "a-new-problem"
    stated = published | {files.PROBLEM: "a-new-problem"}
    with pytest.raises(StageError, match="was fine-tuned for a-new-problem, not for text-class"):
        files.require_head("text-classification", stated, "MODEL")


def test_naming_a_problem_loads_nothing_heavy():
    code = (
        "import sys; from tasks import problems; problems.described(problems.names()[0]);"
        "print({'torch', 'transformers', 'pandas', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
