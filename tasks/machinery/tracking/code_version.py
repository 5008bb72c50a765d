"""The commit of the running code."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tasks.machinery.tracking.tags import GIT_CLEAN, GIT_COMMIT


def code_version() -> dict[str, str]:
    """The commit of this code, and whether the tree is clean; empty outside a checkout."""
    root = Path(__file__).parents[3]

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    try:
        commit, changes = git("rev-parse", "HEAD"), git("status", "--porcelain")
    except (OSError, subprocess.CalledProcessError):
        return {}
    return {GIT_COMMIT: commit, GIT_CLEAN: str(not changes).lower()}
