"""Families are files: found by name, and each says everything that the others say."""

from pathlib import Path

import pytest

from tasks import families
from tasks.experiment.model import Model
from tasks.families import Family
from tests.support.tiny_models import wordpiece


def test_families_are_the_files_of_the_folder():
    files = {file.stem for file in Path(families.__file__).parent.glob("[a-z]*.py")}
    assert set(families.names()) == {name.replace("_", "-") for name in files}
    assert {"bert", "roberta"} <= set(families.names())


@pytest.mark.parametrize("name", families.names())
def test_every_family_has_a_module_that_says_everything(name):
    family = families.load(name)
    said = {key for key in vars(Family) if not key.startswith("_")} | Family.__annotations__.keys()
    assert {key for key in said if not hasattr(family, key)} == set()


@pytest.mark.parametrize("name", families.names())
def test_the_name_of_a_family_is_the_type_of_its_models(name):
    config = families.load(name).configure(Model(), wordpiece(), 0.0)
    assert config.model_type.replace("_", "-") == name
