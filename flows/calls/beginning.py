"""What comes before the first call of a process: the environment of its libraries."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from tasks.machinery.host.home import close_home, home
from tasks.machinery.servers.environment import prepare_environment


def begin() -> None:
    """Prepare the environment of this process for its state folder, once for each folder.

    Call it before Prefect, MLflow and torch are imported, which read their settings then. What the
    command would print is written to stderr.
    """
    _begin(home())


@functools.cache
def _begin(folder: Path) -> None:  # noqa: ARG001  (each state folder is prepared once)
    for line in filter(None, [prepare_environment(), close_home()]):
        sys.stderr.write(f"temper: {line}\n")
