"""Problems are found by name, and plans can name them without loading torch."""

import subprocess
import sys

import pytest

from tasks import problems
from tasks.problems import Description, Problem


def test_problems_are_the_folders_with_rows():
    assert problems.names() == ("text-classification", "token-classification")


@pytest.mark.parametrize("name", problems.names())
def test_every_problem_has_modules_that_say_everything(name):
    kind = problems.load(name)
    assert problems.part_of(name, "rows") == f"tasks.problems.{name.replace('-', '_')}.rows"
    said = (
        {key for part in (Problem, Description) for key in vars(part) if not key.startswith("_")}
        | Problem.__annotations__.keys()
        | Description.__annotations__.keys()
    )
    assert [key for key in sorted(said) if not hasattr(kind, key)] == []
    assert kind.HEADLINE in kind.METRICS


def test_naming_a_problem_loads_nothing_heavy():
    code = (
        "import sys; from tasks import problems; problems.described(problems.names()[0]);"
        "print({'torch', 'transformers', 'pandas', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
