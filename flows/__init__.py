"""The Prefect flows, one a file: what the UI, a schedule and the command trigger.

To add one: write a flow here, and say in `serving/deployments.py` how the UI offers it.

For notebooks and scripts, the commands as functions (`flows/calls`), imported when they are used:

    from flows import Experiment, plan, run, compare, predict

    done = run("mine.yaml", {"seed": 1})                 # as `temper run mine.yaml --set seed=1`
    done.metrics                                         # a table of pandas; `done` is the report
    compare(done, "another run").differences
    predict(done.models["finetuning mood"], ["a text"])  # or the path of a file, or a table
"""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flows.calls.comparing import compare
    from flows.calls.embedding import embed
    from flows.calls.experiments import Experiment
    from flows.calls.planning import plan
    from flows.calls.predicting import predict
    from flows.calls.running import run

__all__ = ["Experiment", "compare", "embed", "plan", "predict", "run"]

_OURS = Path(__file__).resolve().parent.parent / "tasks" / "__init__.py"


def _hiding_tasks() -> str:
    """The file that Python finds in place of Temper's `tasks`; empty if it finds ours."""
    module = sys.modules.get("tasks")
    spec = importlib.util.find_spec("tasks") if module is None else None
    found = getattr(module or spec, "__file__" if module else "origin", None)
    return "" if found is None or Path(found).resolve() == _OURS else str(found)


def _require_our_tasks() -> None:
    """Check that `tasks` is Temper's: it is imported from here, and runs.

    Raises:
        ImportError: another file of that name comes first on Python's path.
    """
    hiding = _hiding_tasks()
    if not hiding:
        return
    text = (
        f"{hiding} hides Temper's package `tasks`, as it comes first on Python's path: rename it, "
        "or work in another folder. The command `temper` does not look into the working "
        "directory, unless PYTHONPATH names it; in a notebook, or with `python -m`, it comes first"
    )
    if sys.argv[0] == "-m" or Path(sys.argv[0]).name == "temper":
        sys.exit(f"temper: {text}")
    raise ImportError(text)


_require_our_tasks()

_CALLS = {
    "Experiment": "experiments",
    "compare": "comparing",
    "embed": "embedding",
    "plan": "planning",
    "predict": "predicting",
    "run": "running",
}


def __getattr__(name: str) -> Any:
    """A function for notebooks, imported when it is first used."""
    if name not in _CALLS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(f"{__name__}.calls.{_CALLS[name]}"), name)
    globals()[name] = found
    return found
