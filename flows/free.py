"""The flow that deletes artifacts from the store: `temper gc` for the Prefect UI and schedules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from prefect import flow
from prefect.artifacts import create_table_artifact
from pydantic import Field

from tasks.contract import StageError
from tasks.machinery.freeing.choosing import Freeing, Rules, choose
from tasks.machinery.freeing.contents import take_stock
from tasks.machinery.freeing.referred import referred
from tasks.machinery.host.home import make_home, store_folder
from tasks.machinery.host.ledger import used_by_runs
from tasks.machinery.host.space import human, read_size
from tasks.machinery.naming.markdown import escaped_rows
from tasks.machinery.store.store import Store


@flow(name="gc", flow_run_name="delete unused artifacts", persist_result=False)
def free_space(
    older_than_days: Annotated[float, Field(ge=0, le=36_500)] = 30.0,
    keep: str = "",
    unreferenced: bool = False,
    dry_run: bool = False,
) -> dict[str, Any]:
    """Delete artifacts from the store by rules; never those that a run in progress uses.

    Args:
        older_than_days: Delete artifacts last used longer ago than this. 0: ignore age.
        keep: Delete the least recently used until the store is at most this large, such as 5GB.
            Empty: ignore size.
        unreferenced: Also delete artifacts that no run in MLflow refers to.
        dry_run: Show what would be deleted, and delete nothing.
    """
    make_home()
    age = timedelta(days=older_than_days) if older_than_days else None
    try:
        most = read_size(keep) if keep else None
    except StageError as error:
        raise StageError(f"keep: {error}") from None
    rules = Rules(age, most, unreferenced)
    store = Store(store_folder())
    refers = referred() if unreferenced else None
    items = take_stock(store)
    choices = choose(items, rules, frozenset(used_by_runs()), refers, datetime.now(UTC))
    freed, left = list(choices.freed), 0
    if not dry_run:
        freeing = Freeing(store)
        freed = list(freeing.free(choices.freed))
        left = freeing.tidy()
    rows = [{"artifact": c.item.name, "size": human(c.item.size), "why": c.why} for c in freed]
    size = human(sum(choice.item.size for choice in freed) + left)
    held = human(sum(item.size for item in items))
    text = f"{'would delete' if dry_run else 'deleted'} {size} of {held}"
    create_table_artifact(escaped_rows(rows), key="freed", description=text)
    return {"said": text, "artifacts": [row["artifact"] for row in rows]}
