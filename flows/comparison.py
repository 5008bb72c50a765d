"""The flow that compares past runs, triggered from the Prefect UI or by a schedule.

The page is an artifact of the flow run in Prefect, with embedded figures; in MLflow it is a run of
the experiment `comparisons`, with the page as HTML, Markdown and JSON.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

from prefect import flow, get_run_logger
from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.runtime import flow_run
from pydantic import Field

from tasks.comparison.as_json import as_json
from tasks.comparison.comparison import Comparison
from tasks.comparison.energy import Power
from tasks.comparison.gathering import gather
from tasks.comparison.page import page_of
from tasks.comparison.past_run import UnknownRunError
from tasks.comparison.past_runs import PastRuns
from tasks.comparison.remains import Remains
from tasks.comparison.selection import select
from tasks.contract import StageError
from tasks.machinery.host.home import make_home, store_folder
from tasks.machinery.naming.markdown import escaped
from tasks.machinery.orchestration.cancellation import watching_for_cancellation
from tasks.machinery.orchestration.flow_tags import flow_tags
from tasks.machinery.orchestration.gone_flow_runs import registered_flow_run
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.code_version import code_version
from tasks.machinery.tracking.links import note_of, run_address
from tasks.machinery.tracking.recording import closing_on_failure
from tasks.machinery.tracking.tags import COMPARED_OF, NOTE, STAGE
from tasks.machinery.tracking.tracked_run import TrackedRun
from tasks.machinery.tracking.tracking import Tracking
from tasks.pages.document import Document, to_markdown, write_markdown
from tasks.pages.html import to_html

EXPERIMENT = "comparisons"  # apart from the experiments that it compares
_LONGEST_NOTE = 4900  # characters of a tag that MLflow stores


def run_name() -> str:
    """The name of the flow run: `compare · last 2 of demo`."""
    given: dict[str, Any] = flow_run.parameters
    named, narrowed = given.get("runs") or [], given.get("mlflow_filter") or ""
    what = f"{len(named)} runs" if named else narrowed or f"last {given.get('last') or 2}"
    of = f" of {given['experiment']}" if given.get("experiment") else ""
    return f"compare · {what}{of}"


@flow(name="compare", flow_run_name=run_name, persist_result=False)
def compare_runs(
    runs: list[str] = [],  # noqa: B006  (a form's default; nobody changes it)
    *,
    last: Annotated[int, Field(ge=0)] = 0,
    mlflow_filter: str = "",
    experiment: str = "",
    examples: Annotated[int, Field(ge=0, le=100)] = 10,
    watts: Annotated[float, Field(ge=0)] = 0.0,
) -> dict[str, Any]:
    """Compare past runs: what differs, the results, whether they differ significantly, the cost.

    Args:
        runs: Runs of experiments, by name, id or the start of an id. Empty: the last ones.
        last: If no runs are named: how many of the newest finished runs. 0: all that match the
            filter, or 2 without one.
        mlflow_filter: If no runs are named: a filter of MLflow, such as
            params.`model.layers` = '2'.
        experiment: Only runs of this experiment. Empty: of the one that ran last, or of all if
            runs or a filter are given.
        examples: How many test rows to show per problem where the runs disagree most.
        watts: Power of the processors at full load. 0: 12 W for each core.
    """
    make_home()
    with registered_flow_run(), watching_for_cancellation():
        past = PastRuns()
        try:
            chosen = select(past, runs, last=last, narrowed=mlflow_filter, experiment=experiment)
        except UnknownRunError as error:
            raise StageError(str(error)) from None
        remains = Remains(past.client, Store(store_folder()))
        say = get_run_logger().info
        found = gather(chosen, remains, Power.assumed(watts or None), examples, say)
        return publish(found)


def publish(found: Comparison) -> dict[str, Any]:
    """Show a comparison in Prefect, and record it in MLflow."""
    page = page_of(found)
    show(page)
    run_id = record(found, page)
    return {
        "runs": {label: r.run_id for label, r in zip(found.labels, found.runs, strict=True)},
        "verdicts": [f"{each.problem}: {each.sentence}" for each in found.differences],
        "not_tested": found.untested,
        "mlflow_run_id": run_id,
    }


def show(page: Document) -> None:
    """Show the page as an artifact in Prefect, with embedded figures."""
    text = to_markdown(page, lambda picture: picture.data_uri)
    create_markdown_artifact(text, key="comparison", description=escaped(page.title))


def record(found: Comparison, page: Document) -> str:
    """Record the page as a run in MLflow; returns its id."""
    tracking = Tracking(EXPERIMENT)
    ids = {f"{COMPARED_OF}{k}": r.run_id for k, r in zip(found.labels, found.runs, strict=True)}
    tags = code_version() | flow_tags() | ids | {STAGE: "comparison"}
    run = tracking.open(page.title, tags)
    with closing_on_failure(run):
        run.tags({NOTE: note_of(tags, to_markdown(page, None))[:_LONGEST_NOTE]})
        run.params(names_of(found))
        run.result(differences_as_metrics(found))
        with tempfile.TemporaryDirectory() as folder:
            write_files(found, page, Path(folder))
            run.artifacts(Path(folder), [file.name for file in Path(folder).iterdir()])
        link(tracking, run)
        run.finish("FINISHED")
    return run.run_id


def write_files(found: Comparison, page: Document, folder: Path) -> None:
    """Write the page in all formats."""
    write_markdown(page, folder / "comparison.md")
    (folder / "comparison.html").write_text(to_html(page), encoding="utf-8")
    text = json.dumps(as_json(found), indent=2, ensure_ascii=False, allow_nan=False)
    (folder / "comparison.json").write_text(text + "\n", encoding="utf-8")


def names_of(found: Comparison) -> dict[str, str]:
    """The run of each label, as parameters."""
    return {
        label: f"{run.name} ({run.run_id[:8]})"
        for label, run in zip(found.labels, found.runs, strict=True)
    }


def differences_as_metrics(found: Comparison) -> dict[str, float]:
    """Each difference with its corrected p-value."""
    metrics: dict[str, float] = {}
    for each in found.differences:
        pair = f"{each.first}-{each.second}".replace(",", "")  # MLflow refuses commas
        name = f"{each.problem}/{pair}"
        metrics |= {f"{name}/difference": each.value, f"{name}/p_corrected": each.adjusted}
    return metrics


def link(tracking: Tracking, run: TrackedRun) -> None:
    """Link the flow run to the run in MLflow, where MLflow has an address."""
    address = run_address(tracking, run)
    if address:
        create_link_artifact(link=address, link_text="comparison in MLflow", key="comparison-run")
