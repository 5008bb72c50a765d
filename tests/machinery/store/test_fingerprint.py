"""A key changes with everything that can change a result, and with nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tasks.contract import StageError
from tasks.experiment.corpus import Corpus
from tasks.experiment.experiment import Experiment
from tasks.experiment.problem import Downstream
from tasks.machinery.store import fingerprint
from tasks.machinery.store.fingerprint import (
    code_digests,
    digest,
    flatten,
    key_part,
    library_versions,
    require_same_code,
)

CODE = '''"""Module docstring."""
from tasks.data.text.sentences import split_sentences

def mask(share: float) -> float:
    """Docstring."""
    # a comment
    return share * 2
'''


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write a module's code and give back its digests."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def digests(code: str) -> dict[str, str]:
        (tmp_path / "written_module.py").write_text(code)
        fingerprint._read.cache_clear()
        fingerprint._module_file.cache_clear()
        sys.modules.pop("written_module", None)
        return code_digests(["written_module"])

    return digests


def test_comments_and_docstrings_are_not_code(written) -> None:
    other = (
        CODE.replace("Docstring.", "Other words.")
        .replace("# a comment", "# another")
        .replace("Module docstring", "Another")
    )
    assert written(CODE) == written(other)


def test_a_changed_number_is_code(written) -> None:
    assert written(CODE)["written_module"] != written(CODE.replace("* 2", "* 3"))["written_module"]


def test_imported_modules_are_code_and_the_machinery_is_not(written) -> None:
    found = written(CODE + "\nfrom tasks.contract import Monitor\n")
    assert "tasks.data.text.sentences" in found
    assert not any(name.startswith("tasks.machinery") for name in found)


def test_values_that_are_not_json_are_refused() -> None:
    with pytest.raises(TypeError):
        digest({"path": Path("/")})


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_where_data_is_and_what_things_are_called_are_not_in_the_key() -> None:
    assert key_part(Corpus(source="a.txt")) == key_part(Corpus(source="b.txt"))
    assert key_part(Downstream(name="a")) == key_part(Downstream(name="b"))
    assert key_part(Experiment(name="a")) == key_part(Experiment(name="b"))


def test_values_are_in_the_key_by_their_path() -> None:
    assert flatten({"a": {"b": [1, {"c": 2}]}, "d": None}) == {
        "a.b.0": 1,
        "a.b.1.c": 2,
        "d": None,
    }


@pytest.mark.parametrize(("precision", "parts"), [("minor", 2), ("exact", 3), ("ignored", None)])
def test_versions_are_held_as_closely_as_asked(
    precision: str, parts: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPER_VERSIONS", precision)
    versions = library_versions(["transformers"])
    if parts is None:
        assert versions == {}
    else:
        assert len(versions["transformers"].split(".")) == parts
        assert set(versions) == {"python", "transformers"}


def test_code_that_was_changed_since_its_key_was_made_is_refused() -> None:
    import tasks

    file = Path(tasks.__file__).parent / "edited_while_running.py"
    file.write_text("VALUE = 1\n")
    try:
        code_digests(["tasks.edited_while_running"])
        require_same_code(["tasks.edited_while_running"])
        file.write_text("VALUE = 1  # a comment changes nothing\n")
        require_same_code(["tasks.edited_while_running"])
        file.write_text("VALUE = 2\n")
        with pytest.raises(StageError, match="edited_while_running changed"):
            require_same_code(["tasks.edited_while_running"])
    finally:
        file.unlink()
