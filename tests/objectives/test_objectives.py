"""Objectives are files: found by name, and each says everything that the others say."""

import pytest

from tasks import objectives
from tasks.objectives import Objective


def test_objectives_are_the_files_of_the_folder():
    assert objectives.names() == ("clm", "clm+apart", "mlm", "mlm+bow", "mlm+nsp", "rtd")


@pytest.mark.parametrize("name", objectives.names())
def test_every_objective_has_a_module_that_says_everything(name):
    objective = objectives.load(name)
    said = {
        key for key in vars(Objective) if not key.startswith("_")
    } | Objective.__annotations__.keys()
    assert {key for key in said if not hasattr(objective, key)} == set()
