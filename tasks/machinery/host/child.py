"""Child processes of Python in which `tasks` and `flows` are Temper's.

`python -m` and `python -c` put the working directory first on Python's path, and so does Prefect
while it loads a flow. A person's `tasks.py` there (Invoke and Celery look for one), or a package
`flows`, would be imported in place of ours, and run. So a child runs this file, without the working
directory on its path (`-P`): it imports Temper's packages from where they are, which settles their
names, and then runs a module.

    python -P child.py MODULE [WORD …]    as `python -m MODULE [WORD …]` does
    python -P child.py MODULE:FUNCTION    calls a function
"""

from __future__ import annotations

import importlib
import runpy
import sys
from collections.abc import Mapping
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[3]  # the folder with `tasks` and `flows`


def python_command(module: str, *words: str) -> list[str]:
    """The command that runs a module, or calls `module:function`, with Temper's packages."""
    return [sys.executable, "-P", __file__, module, *words]


def without_working_directory(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment in which no child puts the working directory on Python's path."""
    return {**environment, "PYTHONSAFEPATH": "1"}


def _main() -> None:
    sys.path.insert(0, str(_ROOT))
    for name in ("tasks", "flows"):
        importlib.import_module(name)
    sys.path.remove(str(_ROOT))
    module, _, function = sys.argv[1].partition(":")
    if function:
        getattr(importlib.import_module(module), function)()
        return
    sys.argv = sys.argv[1:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main()
