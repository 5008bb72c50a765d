"""What changes a key and what does not, tried by editing a copy of the code.

Each law holds for the experiments of `tests/support/everything.py`: text and images, with every
stage that an experiment can ask for.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flows.recipes.image_stages import IMAGE_NAMES
from flows.recipes.stages import NAMES
from tasks.machinery.store.fingerprint import LEFT_OUT, SPOKEN
from tests.conftest import ROOT
from tests.support.added import every_file
from tests.support.added_parts import AddedParts
from tests.support.everything import fingerprints, write_everything

TEXT, IMAGES = "tiny: ", "tiny-images: "
# What a model was trained on is known of those in MLflow alone: tests/flows starts from one.
ON_IMAGES = {*IMAGE_NAMES} - {"leakage"}
REPORTS = {f"{TEXT}report", f"{IMAGES}report"}
# Stages that read nothing of a trained model.
BEFORE = {
    "dataset",
    "corpus",
    "tokenizer",
    "tokens",
    "embeddings",
    "images",
    "pixels",
    "start",
    "baseline",
    "leakage",
    "mislabelled",
    "label-share",
    "further-test",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_everything(tmp_path_factory.mktemp("laws"))


@pytest.fixture(scope="module")
def original(files: list[Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return fingerprints(AddedParts(tmp_path_factory.mktemp("original") / "copy", {}), *files)


class Copy(AddedParts):
    """A copy of the code that is edited."""

    def edit(self, module: str, old: str, new: str) -> None:
        file = self.folder / module
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        for compiled in file.parent.glob(f"__pycache__/{file.stem}.*.pyc"):
            compiled.unlink()  # whose source has perhaps the same size, and the same second


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "copy", {})


@pytest.fixture
def changed(original: dict[str, str], copy: Copy, files: list[Path]) -> Any:
    """Titles of the stages with another fingerprint in the copy."""

    def titles() -> set[str]:
        found = fingerprints(copy, *files)
        assert found.keys() == original.keys()
        return {title for title in found if found[title] != original[title]}

    return titles


def stage_of(title: str) -> str:
    """`finetuning` of `tiny: finetuning mood`."""
    return title.partition(": ")[2].split()[0]


def below_training(original: dict[str, str]) -> set[str]:
    return {title for title in original if stage_of(title) not in BEFORE}


@pytest.mark.slow
def test_the_experiments_have_every_stage(original: dict[str, str]) -> None:
    for prefix, names in ((TEXT, {*NAMES}), (IMAGES, ON_IMAGES)):
        assert {stage_of(title) for title in original if title.startswith(prefix)} == names


@pytest.mark.slow
def test_another_place_comments_and_docstrings_change_no_key(changed, copy: Copy) -> None:
    for file in copy.folder.rglob("*.py"):
        text = re.sub(r'\A"""', '"""Other words. ', file.read_text())
        text = re.sub(r"(?m)^(    def \w+\(self\).*:\n        \"\"\")", r"\1Other words. ", text)
        file.write_text(f"# a comment\n{text}\n# another\n")
    assert changed() == set()


@pytest.mark.slow
def test_the_machinery_and_the_flows_change_no_key(changed, copy: Copy) -> None:
    machinery, flows = (copy.folder / part for part in ("tasks/machinery", "flows"))
    modules = [*machinery.rglob("*.py"), *flows.rglob("*.py")]
    assert len(modules) > 80, "a move must not make this pass for nothing"
    for file in modules:
        file.write_text(f"{file.read_text()}\n\nANOTHER_NUMBER = 1\n")
    assert changed() == set()


@pytest.mark.slow
def test_adding_a_file_of_each_kind_changes_no_key(
    original: dict[str, str], files: list[Path], tmp_path: Path
) -> None:
    added = every_file()
    shelves = {str(Path(name).parent) for name in added}
    assert shelves >= {
        *(f"tasks/{name}" for name in ("explanations", "families", "objectives", "tuning")),
        *(f"tasks/{name}/images" for name in ("families", "objectives", "sources")),
        "tasks/problems/rating",
        "tasks/problems/sorting",
        "tasks/sources",
    }
    assert fingerprints(AddedParts(tmp_path / "copy", added), *files) == original


BASE = "tasks/experiment/training.py"
NEW_FIELD = """
    overlay: int = field({default}, "Overlay", "A field that is added later", absent=0)

    optimizer:"""


@pytest.mark.slow
def test_a_field_that_is_added_with_its_absent_value_changes_no_key(
    original: dict[str, str], changed, copy: Copy
) -> None:
    copy.edit(BASE, "\n    optimizer:", NEW_FIELD.format(default=0))
    assert changed() == set()
    copy.edit(BASE, NEW_FIELD.format(default=0), NEW_FIELD.format(default=1))
    assert changed() == below_training(original)


def with_other_words(code: str) -> tuple[str, int]:
    """Code with other words in what is raised, said, and told of fields; and how many of them."""
    places = set()
    for node in ast.walk(ast.parse(code)):
        call = node.exc if isinstance(node, ast.Raise) else node
        if not isinstance(call, ast.Call):
            continue
        is_field = isinstance(call.func, ast.Name) and call.func.id == "field"
        is_said = isinstance(call.func, ast.Attribute) and call.func.attr in SPOKEN
        if call is not node or is_said or (is_field and "tasks.experiment.fields" in code):
            words = call.args[1:] if is_field else call.args  # the first is its default
            texts = [a for a in words if isinstance(a, ast.JoinedStr) or _is_text(a)]
            places |= {(text.lineno, text.col_offset) for text in texts}
    lines = code.encode().splitlines(keepends=True)
    for line, column in sorted(places, reverse=True):
        text = lines[line - 1]
        opening = re.match(rb'[frb]*"(?!"")', text[column:])
        if opening:
            at = column + opening.end()
            lines[line - 1] = text[:at] + b"Other words. " + text[at:]
    return b"".join(lines).decode(), len(places)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


@pytest.mark.slow
def test_colours_pages_messages_and_words_of_fields_rerun_the_report_alone(
    changed, copy: Copy
) -> None:
    copy.edit("tasks/pages/figures.py", "#1c6db2", "#1c6db3")
    for page in (copy.folder / "tasks" / "pages").rglob("*card.py"):
        page.write_text(f"{page.read_text()}\n\nANOTHER_NUMBER = 1\n")
    words = 0
    for file in (copy.folder / "tasks").rglob("*.py"):
        text, found = with_other_words(file.read_text())
        file.write_text(text)
        words += found
    assert words > 200, "a move must not make this pass for nothing"
    # A private function that composes a message, and does nothing else.
    composed = copy.folder / "tasks" / "stages" / "corpus.py"
    text, function = composed.read_text(), "def _too_few("
    assert text.count("_too_few(") == 2
    other = f"{function}*found):\n    return str(found)\n\n\ndef _former("
    composed.write_text(text.replace(function, other))
    assert changed() == REPORTS


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "old", "new", "title"),
    [
        # A number, beside functions that compose messages.
        ("stages/corpus.py", "FEWEST_VALIDATION = 8", "FEWEST_VALIDATION = 9", f"{TEXT}corpus"),
        ("data/text/masking.py", "0.8, 0.1", "0.7, 0.2", f"{TEXT}pretraining"),
    ],
)
def test_what_computes_is_in_the_key_of_its_stage_and_of_what_reads_its_bytes(
    module: str, old: str, new: str, title: str, original, changed, copy: Copy
) -> None:
    copy.edit(f"tasks/{module}", old, new)
    found = changed()
    assert title in found
    assert f"{TEXT}report" in found
    assert not {each for each in found if each.startswith(IMAGES)}
    assert not {each for each in found if stage_of(each) in ("dataset", "baseline")}


@pytest.mark.slow
def test_the_code_of_a_metric_is_in_the_key_of_its_problem_alone(changed, copy: Copy) -> None:
    module = copy.folder / "tasks" / "problems" / "token_classification" / "scores.py"
    module.write_text(f"{module.read_text()}\n\nANOTHER_NUMBER = 1\n")
    found = changed()
    assert f"{TEXT}evaluation names" in found
    assert not {title for title in found if "mood" in title or title.startswith(IMAGES)}
    assert not {f"{TEXT}pretraining", f"{TEXT}tokenizer"} & found


def test_what_is_outside_of_every_key_is_this_and_no_more() -> None:
    assert LEFT_OUT == ("tasks.contract", "tasks.experiment", "tasks.machinery")


@pytest.fixture(scope="module", params=[TEXT, IMAGES])
def stagewise(request, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """For each stage of an experiment, what is in its key and what it imported."""
    folder = tmp_path_factory.mktemp("stagewise")
    file = write_everything(folder, once=True)[request.param == IMAGES]
    command = [sys.executable, "-m", "tests.support.stagewise", str(file), str(folder / "store")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    names = {*NAMES} if request.param == TEXT else ON_IMAGES
    return SimpleNamespace(stages=json.loads(done.stdout.splitlines()[-1]), names=names)


@pytest.mark.slow
def test_the_module_of_a_stage_and_all_that_it_imports_while_it_runs_are_in_its_key(
    stagewise: SimpleNamespace,
) -> None:
    stages = stagewise.stages
    assert {title.split()[0] for title in stages} == stagewise.names
    assert {t: s["own"] for t, s in stages.items() if s["own"][0] not in s["key"]} == {}
    beyond = {t: sorted({*s["imported"]} - {*s["key"]}) for t, s in stages.items()}
    assert {title: modules for title, modules in beyond.items() if modules} == {}
    assert all(s["own"][0] in s["imported"] for s in stages.values()), "nothing was looked at"
