"""A flow that tells whether a later run of its schedule is due: served by a test."""

from __future__ import annotations

from prefect import flow

from flows.runs.triggered_by import later_one_is_due, who_triggered


@flow(name="lateness", persist_result=False)
def tell() -> None:
    """Say it in the log of the process, as the test reads it."""
    print(f"told: {'skip' if later_one_is_due() else 'run'} by {who_triggered()}", flush=True)
