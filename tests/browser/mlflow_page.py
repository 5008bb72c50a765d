"""MLflow's pages, as a person uses them: the table of runs, a run, charts, the comparison."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.prefect_page import SECOND

PARENT = re.compile("·")  # in the names of experiments' runs, and not of their stages'


class MlflowPage:
    """A tab of a browser on the MLflow server."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address

    def widen(self) -> None:
        """Make the window as wide as a large screen: MLflow draws no column beside the window."""
        self.page.set_viewport_size({"width": 2200, "height": 900})

    def open_runs(self, experiment: str) -> None:
        """From the first page to the table of an experiment's runs."""
        self.page.goto(self.address)
        self.page.get_by_role("button", name="Model training").click()
        self.page.get_by_role("link", name="Experiments", exact=True).click()
        self.page.get_by_role("link", name=experiment, exact=True).click()
        self._expect_runs()
        self.close_assistant()

    def _expect_runs(self) -> None:
        expect(self.page.get_by_text(re.compile(r"\d+ matching runs?"))).to_be_visible()

    def close_assistant(self) -> None:
        """Close what MLflow opens beside the page the first time."""
        close = self.page.get_by_role("button", name="Close").last
        if close.is_visible():
            close.click()

    # The table of runs

    def rows(self) -> Locator:
        """The names of the runs in the table."""
        return self.page.get_by_role("gridcell").get_by_role("link", name=PARENT)

    def use_view(self, name: str) -> None:
        """Show the columns of a saved view."""
        self.page.get_by_role("button", name="Views").click()
        self.page.get_by_role("menu").get_by_text(name, exact=True).click()
        expect(self.page.get_by_role("button", name=name, exact=True)).to_be_visible()

    def column(self, title: str) -> Locator:
        """The head of a column."""
        return self.page.get_by_role("columnheader", name=title, exact=True).first

    def tick(self, count: int) -> None:
        """Tick the first rows."""
        boxes = self.page.get_by_role("checkbox", name=re.compile("row selection"))
        for number in range(count):
            boxes.nth(number).check()

    def compare(self) -> None:
        """From the ticked rows to the comparison."""
        self.page.get_by_role("button", name="Compare").click()
        expect(self.page.get_by_role("heading", name=re.compile("Comparing"))).to_be_visible()

    def compared(self, what: str) -> list[str]:
        """The cells of a row of the comparison, a run each."""
        row = self.page.get_by_role("row").filter(
            has=self.page.get_by_role("rowheader", name=what, exact=True)
        )
        return row.get_by_role("cell").all_inner_texts()

    def show_differences_only(self) -> None:
        """Leave out the parameters that are the same."""
        self.page.get_by_role("switch", name="Parameters - Show diff only").click()

    def search(self, words: str) -> None:
        """Narrow the table by a filter."""
        self.page.get_by_role("combobox").first.fill(words)
        self.page.keyboard.press("Enter")

    def open_rows(self, count: int) -> None:
        """Show the children of the first rows: from below, as each moves what is below it."""
        cells = self.page.get_by_role("gridcell").filter(
            has=self.page.get_by_role("link", name=PARENT)
        )
        for number in reversed(range(count)):
            cells.nth(number).get_by_role("button").first.click()

    def search_charts(self, words: str) -> None:
        """Show only the charts of such metrics; the curves of stages are in their last section."""
        self.page.get_by_placeholder("Search metric charts").fill(words)
        section = self.page.get_by_text("Model metrics").last
        section.evaluate("title => title.scrollIntoView()")

    def show_charts(self) -> None:
        """The runs of the table as charts, one line a run."""
        self.page.get_by_role("radio").nth(1).locator("xpath=ancestor::label").click()

    # A run

    def expect_status(self, status: str, seconds: float = 60) -> None:
        """The run on this page comes to a status."""
        about = self.page.get_by_role("main").get_by_text(status, exact=True)
        expect(about).to_be_visible(timeout=seconds * SECOND)

    def metric(self, name: str) -> float:
        """The value of a metric in the run's table."""
        row = self.page.get_by_role("row").filter(
            has=self.page.get_by_role("link", name=name, exact=True)
        )
        return float(row.get_by_role("cell").nth(1).inner_text())

    def open_curves(self) -> None:
        """From a run to its curves."""
        self.page.get_by_role("tab", name="Model metrics").click()

    def curve(self, run: str, metric: str) -> Locator:
        """The entry of a curve in the legend of its chart."""
        return self.page.get_by_text(f"{run} ({metric})", exact=True)

    def picture(self, name: str) -> tuple[int, int]:
        """Open an artifact of a run that is a picture: its width and height in pixels."""
        self.page.get_by_role("tab", name="Artifacts").click()
        self.page.get_by_text(name, exact=True).first.click()
        shown = self.page.locator(
            f"img[alt*='{name}'], img[src*='{name}'], img[src^='blob:']"
        ).first
        expect(shown).to_be_visible()
        width, height = shown.evaluate("image => [image.naturalWidth, image.naturalHeight]")
        return width, height
