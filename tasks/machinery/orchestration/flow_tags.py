"""The tags by which a run in MLflow names its flow run in Prefect."""

from __future__ import annotations

from prefect.context import get_run_context
from prefect.runtime import flow_run

from tasks.machinery.tracking.links import NOTE, note_of


def flow_tags() -> dict[str, str]:
    """The flow run that a run in MLflow belongs to, and its address where a server shows it."""
    context = get_run_context()
    tags = {
        "mlflow.source.name": "temper",
        "mlflow.source.type": "JOB",
        "temper.flow_run_id": str(flow_run.id),
        "temper.flow_run_name": str(getattr(context, "flow_run").name),  # noqa: B009
    }
    address = flow_run_address()
    if address:
        tags["temper.flow_run_url"] = address
        tags[NOTE] = note_of(tags)
    return tags


def flow_run_address() -> str:
    """Where a server shows this flow run; empty with a temporary one, which is gone afterwards."""
    address = str(flow_run.ui_url)
    return address if address.startswith("http") else ""
