"""`temper sync`: tell MLflow what earlier runs could not, because it was out of reach."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.machinery.delivery import deliver, undelivered
from tasks.machinery.home import make_home, store_folder
from tasks.machinery.stage import StageError
from tasks.machinery.store import Store
from tasks.machinery.tracking import Tracking


def sync() -> Iterator[str]:
    """Deliver everything that waits, a line for each run.

    Raises:
        StageError: MLflow cannot be reached, or something waits for another one.
    """
    make_home()
    waiting, problems = undelivered(), []
    for ledger in waiting:
        try:
            deliver(ledger, Tracking(ledger.experiment), Store(store_folder()))
        except StageError as problem:
            problems.append(str(problem))
        else:
            stages = sum(use.told for use in ledger.uses)
            yield f"{ledger.experiment}: {ledger.status.lower()}, {stages} stages: told"
    if problems:
        raise StageError("\n".join(problems))
    if not waiting:
        yield "MLflow has been told everything"
