"""The tags with which a run in MLflow refers to its flow run in Prefect."""

from __future__ import annotations

from prefect.context import get_run_context
from prefect.runtime import flow_run

from tasks.machinery.naming.secrets import without_credentials
from tasks.machinery.tracking.links import note_of
from tasks.machinery.tracking.tags import FLOW_RUN_ID, FLOW_RUN_NAME, FLOW_RUN_URL, NOTE


def flow_tags() -> dict[str, str]:
    """The flow run that a run in MLflow belongs to, and its address if a server shows it."""
    context = get_run_context()
    tags = {
        "mlflow.source.name": "temper",
        "mlflow.source.type": "JOB",
        FLOW_RUN_ID: str(flow_run.id),
        FLOW_RUN_NAME: str(getattr(context, "flow_run").name),  # noqa: B009
    }
    address = flow_run_address()
    if address:
        tags[FLOW_RUN_URL] = address
        tags[NOTE] = note_of(tags)
    return tags


def flow_run_address() -> str:
    """The address of this flow run in the UI; empty with a temporary server."""
    address = without_credentials(str(flow_run.ui_url))
    return address if address.startswith("http") else ""
