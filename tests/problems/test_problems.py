"""Problems are found by name, and plans can name them without loading torch."""

import subprocess
import sys
from typing import get_args

import pytest

from tasks import problems
from tasks.experiment.problem import TaskName
from tasks.problems import Problem


@pytest.mark.parametrize("name", get_args(TaskName))
def test_every_problem_of_the_experiment_has_a_module_that_says_everything(name):
    kind = problems.load(name)
    assert problems.module_of(name) == f"tasks.problems.{name.replace('-', '_')}"
    said = {
        key for key in vars(Problem) if not key.startswith("_")
    } | Problem.__annotations__.keys()
    assert [key for key in sorted(said) if not hasattr(kind, key)] == []
    assert kind.HEADLINE in kind.METRICS


def test_naming_a_problem_loads_nothing_heavy():
    code = (
        "import sys; from tasks import problems; problems.module_of('text-classification');"
        "print({'torch', 'transformers', 'pandas', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
