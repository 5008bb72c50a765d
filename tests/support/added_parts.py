"""A copy of the code to which files are added, and commands that run in it.

It shows that adding a problem, an objective, a family or a source is adding its files and nothing
else: a file that the code has already is refused.

    copy = AddedParts(tmp_path / "copy", {"tasks/problems/rating/rows.py": text, …})
    copy.temper("run", str(file), home=tmp_path / "home", server=prefect)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.conftest import ROOT
from tests.support.command import call, without


class AddedParts:
    """A copy of `flows/` and `tasks/` with more files in it.

    Args:
        folder: where the copy is made; it must not exist.
        files: the text of each new file by its path from the root, such as `tasks/families/x.py`.
    """

    def __init__(self, folder: Path, files: Mapping[str, str]) -> None:
        self.folder = folder
        for name in ("flows", "tasks"):  # with their bytecode: to compile all takes seconds
            shutil.copytree(ROOT / name, folder / name)
        for name, text in files.items():
            file = folder / name
            assert not file.exists(), f"{name} is not new: adding a part touches nothing else"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    @property
    def environment(self) -> dict[str, str]:
        """Variables of a process that imports the copy."""
        kept = without(("MLFLOW_TRACKING_URI",), os.environ)
        return kept | {"PYTHONPATH": str(self.folder), "COLUMNS": "200"}

    def python(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the copy: what it imports is the copy."""
        return subprocess.run(
            [sys.executable, *words],
            cwd=self.folder,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def code(self, text: str, *words: str, **environment: str) -> str:
        """What a piece of Python prints; it must not fail."""
        done = self.python("-c", text, *words, **environment)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def temper(self, *words: str, home: Path, server: str = "") -> str:
        """What the command prints; it must not fail.

        Args:
            words: behind `temper`.
            home: its state folder.
            server: of Prefect; needed for what runs a flow.
        """
        environment = self.environment | {"TEMPER_HOME": str(home)}
        if server:
            environment["PREFECT_API_URL"] = server
        done = call(*words, environment=environment, folder=self.folder)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout
