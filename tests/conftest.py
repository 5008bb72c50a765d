"""What the tests share."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real data sets, or a skip where this machine has none."""
    folder = Path(os.environ.get("TEMPER_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set TEMPER_TEST_DATA")
    return folder
