"""Links between a flow run in Prefect and a run in MLflow, where servers show them."""

from __future__ import annotations

from collections.abc import Mapping

from tasks.machinery.naming.markdown import escaped
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.tracking.outage import is_outage
from tasks.machinery.tracking.tags import FLOW_RUN_NAME, FLOW_RUN_URL
from tasks.machinery.tracking.tracked_run import TrackedRun
from tasks.machinery.tracking.tracking import Tracking


def note_of(tags: Mapping[str, str], page: str = "") -> str:
    """The description of a run in MLflow: the link to its flow run, and a page.

    Args:
        tags: of the run; FLOW_RUN_URL is there where a server shows the flow run.
        page: what else is to be said.
    """
    address = tags.get(FLOW_RUN_URL, "")
    link = f"Flow run in Prefect: [{escaped(tags[FLOW_RUN_NAME])}]({address})" if address else ""
    return "\n\n".join(filter(None, [link, page]))


def run_page(address: str, experiment_id: str, run_id: str) -> str:
    """The address of a run in MLflow's UI; empty without a server."""
    # Without the last part, MLflow opens on its pages about chats and traces.
    page = f"{address}/#/experiments/{experiment_id}/runs/{run_id}?workflowType=machine_learning"
    return page if page.startswith("http") else ""


def run_address(tracking: Tracking, run: TrackedRun) -> str:
    """Where a server of MLflow shows a run; empty without a server."""
    return run_page(tracking.address, run.experiment_id, run.run_id)


def page_of(artifact: Artifact, tracking: Tracking) -> str:
    """The address of the run that computed an artifact; empty if MLflow does not show it now."""
    record = artifact.record
    run_id = record.get("run_id", "")
    if not run_id or tracking.is_resting or not tracking.address.startswith("http"):
        return ""
    if record["tracking_uri"] == tracking.uri and "experiment_id" in record:
        return run_page(tracking.address, record["experiment_id"], run_id)
    try:
        found = tracking.find(run_id)
    except Exception as problem:
        if not is_outage(problem):
            raise
        return ""
    return run_page(tracking.address, found.info.experiment_id, run_id) if found else ""
