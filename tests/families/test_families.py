"""Families are files: found by name, and each says everything that the others say."""

import pytest

from tasks import families
from tasks.families import Family


def test_families_are_the_files_of_the_folder():
    assert families.names() == ("bert", "roberta")


@pytest.mark.parametrize("name", families.names())
def test_every_family_has_a_module_that_says_everything(name):
    family = families.load(name)
    said = {key for key in vars(Family) if not key.startswith("_")} | Family.__annotations__.keys()
    assert {key for key in said if not hasattr(family, key)} == set()
