"""Texts and names from data, on the pages of MLflow, of Prefect and our own, in a real browser."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path

import pytest
from mlflow import MlflowClient
from playwright.sync_api import Dialog, Page, expect
from prefect.artifacts import create_markdown_artifact, create_table_artifact

from tasks.data.tally import Tally
from tasks.machinery.naming.markdown import escaped, escaped_rows
from tasks.machinery.tracking.links import note_of
from tasks.machinery.tracking.tags import FLOW_RUN_NAME, FLOW_RUN_URL, NOTE
from tasks.pages import data_card
from tasks.pages.document import Cell, Document, Grid, Item, Paragraph, Section
from tasks.pages.html import to_html
from tests.support.hostile import HOSTILE, one_line
from tests.support.up import Up

pytestmark = pytest.mark.live

INJECTED = "img[src='x'], a[href^='javascript'], td script, p script, td b, img[src*=':9/x.png']"


@pytest.fixture
def card(tmp_path: Path) -> str:
    tally = Tally(HOSTILE[0], "rows", ("train",), "rows")
    for text in HOSTILE:
        tally.add("train", text, text, (text,), (text, text))
    tally.write(tmp_path / "tally.json", {})
    data_card.show(tmp_path, tmp_path)
    page = (tmp_path / "card.md").read_text()
    return "\n\n".join(part for part in page.split("\n\n") if not part.startswith("!["))


@pytest.fixture
def dialogs(page: Page) -> list[str]:
    """What a script of the page opened."""
    said: list[str] = []

    def close(dialog: Dialog) -> None:
        said.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", close)
    return said


def require_text(page: Page, dialogs: list[str]) -> None:
    """Check that each hostile text is shown in a cell as it is, and that none became an element."""
    expect(page.get_by_role("cell").first).to_be_attached()
    cells = {one_line(cell) for cell in page.get_by_role("cell").all_inner_texts()}
    assert {one_line(text) for text in HOSTILE} <= cells
    assert page.locator(INJECTED).count() == 0
    assert dialogs == []


def test_the_description_of_a_run_in_mlflow(
    page: Page, dialogs: list[str], up: Up, card: str
) -> None:
    address = f"http://127.0.0.1:{up.ports[1]}"
    client = MlflowClient(address)
    experiment = client.create_experiment("hostile")
    note = note_of({FLOW_RUN_NAME: HOSTILE[3], FLOW_RUN_URL: "http://127.0.0.1:9/run"}, card)
    run = client.create_run(experiment, run_name=HOSTILE[0], tags={NOTE: note, "x": HOSTILE[0]})
    page.goto(f"{address}/#/experiments/{experiment}/runs/{run.info.run_id}")
    require_text(page, dialogs)


def test_the_artifacts_in_prefect(page: Page, dialogs: list[str], up: Up, card: str) -> None:
    rows = escaped_rows({"why": text} for text in HOSTILE)
    with ThreadPoolExecutor(1) as aside:
        # In another thread, as Playwright's loop runs in this one.
        markdown = aside.submit(
            copy_context().run, create_markdown_artifact, card, "card", escaped(HOSTILE[0])
        ).result()
        table = aside.submit(copy_context().run, create_table_artifact, rows, "plan").result()
    for artifact in (markdown, table):
        page.goto(f"http://127.0.0.1:{up.ports[0]}/artifacts/artifact/{artifact}")
        require_text(page, dialogs)


def test_a_page_of_html(page: Page, dialogs: list[str], tmp_path: Path) -> None:
    grid = Grid(["text"], [[Cell(text)] for text in HOSTILE])
    items = [Item(text, text, [(text, text, "")]) for text in HOSTILE]
    blocks = [grid, *items, *map(Paragraph, HOSTILE)]
    document = Document(HOSTILE[0], [Section(HOSTILE[1], blocks)])
    (tmp_path / "page.html").write_text(to_html(document), encoding="utf-8")
    page.goto(f"file://{tmp_path / 'page.html'}")
    require_text(page, dialogs)
    assert page.title() == HOSTILE[0]
