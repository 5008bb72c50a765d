"""`temper sync`: report to MLflow what earlier runs could not, because it was unreachable."""

from __future__ import annotations

from collections.abc import Iterator

from flows.terminal.in_process import FAILED, out, stop
from tasks.contract import StageError
from tasks.machinery.host.home import make_home, store_folder
from tasks.machinery.servers.reachable import require_reachable_servers


def sync() -> None:
    """Report to MLflow what earlier runs could not, because it was unreachable."""
    try:
        for line in report_everything():
            out.print(line, highlight=False)
    except StageError as error:
        stop(str(error).splitlines(), FAILED)


def report_everything() -> Iterator[str]:
    """Report everything that waits; yields a line for each run.

    Raises:
        StageError: MLflow is unreachable, or some reports failed; the others are delivered.
    """
    make_home()  # before Prefect is imported, which looks for its folder
    require_reachable_servers(prefect=False)
    from tasks.machinery.execution.delivery import deliver, undelivered
    from tasks.machinery.host.ledger import start_lock
    from tasks.machinery.store.store import Store
    from tasks.machinery.tracking.outage import reason
    from tasks.machinery.tracking.tracking import Tracking

    tracking, store, problems = Tracking(""), Store(store_folder()), []
    with start_lock():
        waiting = undelivered()
        for ledger in waiting:
            try:
                is_reported = deliver(ledger, tracking, store)
            except StageError as problem:
                problems.append(str(problem))
            except Exception as problem:
                problems.append(f"a run of {ledger.experiment!r}: {reason(problem)}")
            else:
                stages = sum(use.told for use in ledger.uses)
                skipped = "skipped: its MLflow run was deleted, or another process is running it"
                what = f"{stages} stages reported" if is_reported else skipped
                yield f"{ledger.experiment}: {ledger.status.lower()}, {what}"
        tracking.close_dead_runs()
    if problems:
        raise StageError("\n".join(problems))
    if not waiting:
        yield "everything is reported to MLflow"
