"""A flow that tells whether a later run of its schedule is due: served by a test."""

from __future__ import annotations

from prefect import flow

from flows.runs.triggered_by import by_whom, later_one_is_due


@flow(name="lateness", persist_result=False)
def tell() -> None:
    """Say it in the log of the process, as the test reads it."""
    print(f"told: {'skip' if later_one_is_due() else 'run'} by {by_whom()}", flush=True)
