"""The README names every variant, command and file as they are in the folders."""

from __future__ import annotations

import re

import pytest
import yaml
from typer.main import get_command

from flows.commands.main import app
from flows.presets.loading import load_any
from tasks.experiment import choices
from tests.conftest import ROOT

TEXT = (ROOT / "README.md").read_text()
# A person writes these as text-classification or image-classification with a field.
WORKED_UP = {"several-labels", "several-image-labels"}


def row(field: str) -> str:
    """The row of the table of choices about a field."""
    [found] = [line for line in TEXT.splitlines() if line.startswith(f"| `{field}=` |")]
    return found


def section(heading: str) -> str:
    return TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def in_code(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL)))


@pytest.mark.parametrize(
    ("field", "package"),
    [
        ("model.family", "families"),
        ("pretraining.objective", "objectives"),
        ("downstream.NAME.problem", "problems"),
        ("downstream.NAME.tuning.method", "tuning"),
    ],
)
def test_the_table_of_choices_has_every_variant(field: str, package: str) -> None:
    assert set(choices.names(package)) - WORKED_UP <= in_code(row(field))


@pytest.mark.parametrize("package", ["families/images", "objectives/images"])
def test_the_section_on_images_has_every_variant(package: str) -> None:
    assert set(choices.names(package)) <= in_code(section("Images"))


def test_the_section_on_images_has_every_problem() -> None:
    assert set(choices.of_pictures()) - WORKED_UP <= in_code(section("Images"))


def test_every_way_of_explaining_is_named() -> None:
    for name in choices.names("explanations"):
        assert name in section("Where does it hold, and why?")


def test_every_command_that_is_named_exists() -> None:
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"`?temper ([a-z]+)\b", TEXT))
    assert len(named) > 12
    assert named <= commands


def test_every_file_that_is_linked_exists() -> None:
    files = [name.partition("#")[0] for name in re.findall(r"\]\(((?!http)[^)]+)\)", TEXT)]
    assert len(files) > 12
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_every_shelf_of_the_tree_is_in_the_table_of_what_to_add() -> None:
    adding = section("Add your own")
    for shelf in ("objectives", "problems", "sources", "tuning", "explanations", "families"):
        assert f"[tasks/{shelf}](tasks/{shelf}/__init__.py)" in adding
    for name in re.findall(r"`([a-z_]+(?:\.py|/))`", adding):
        assert any((ROOT / "tasks").rglob(name.rstrip("/"))), name


def test_it_can_be_read_at_a_glance() -> None:
    assert len(TEXT.splitlines()) < 250


def test_the_experiment_of_the_readme_is_one(tmp_path) -> None:
    [written] = re.findall(r"```yaml\n(.*?)```", section("Your own data"), re.DOTALL)
    values = yaml.safe_load(written)
    values["downstream"] = [p for p in values["downstream"] if p["problem"] != "generation"]
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values))
    loaded = load_any(str(tmp_path / "mine.yaml"))
    assert [problem.name for problem in loaded.downstream][:2] == ["sentiment", "names"]
