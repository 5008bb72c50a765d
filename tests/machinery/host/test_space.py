"""Room on a disk: sizes that people read, and what is refused."""

import shutil
from pathlib import Path

import pytest

from tasks.contract import StageError
from tasks.machinery.host.space import free, human, require


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 bytes"),
        (812, "812 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (4_240_000, "4.2 MB"),
        (9_949_999, "9.9 MB"),
        (9_960_000, "10 MB"),
        (999_600, "1.0 MB"),
        (12_600_000_000, "13 GB"),
        (3 * 10**18, "3,000 PB"),
    ],
)
def test_bytes_are_told_for_people(size, said):
    assert human(size) == said


def test_what_fits_is_let_through(tmp_path):
    require(tmp_path, 1000, "the models")


def test_what_does_not_fit_is_refused_with_folder_need_and_room(tmp_path):
    there = shutil.disk_usage(tmp_path).free
    folder = tmp_path / "not" / "yet" / "there"
    with pytest.raises(StageError) as refused:
        require(folder, there + 10**15, "the models")
    said = str(refused.value)
    assert said.startswith(f"the models need {human(there + 10**15)} in {folder}, where ")
    assert "are free: delete 1.0 PB on that disk, or set TEMPER_HOME" in said
    assert not folder.exists()


def test_the_room_of_a_folder_that_is_missing_is_that_of_its_disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert abs(free(tmp_path / "missing") - free(tmp_path)) < 10**9
    assert free(Path("missing/too")) > 0
