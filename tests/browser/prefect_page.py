"""Prefect's pages, as a person uses them: deployments, their forms and schedules, and runs.

Things are found by what is written on them, never by how they are styled. A form does not tie its
fields to their labels: the field of a label is the next group of controls after it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from playwright.sync_api import Locator, Page, expect

Values = Mapping[str, "str | float | bool | Values"]

SECOND = 1000.0  # in Playwright's milliseconds
PRETRAINING = re.compile("^pre-?train")  # the name of its task run
SLOW = 180.0  # seconds that a page may take on a machine with other things to do


class Form:
    """A form, a part of one, or a field."""

    def __init__(self, scope: Locator) -> None:
        self.scope = scope

    def part(self, label: str, number: int = 1) -> Form:
        """The controls of a label: the first of that name, or a later one."""
        words = f"starts-with(normalize-space(), '{label}')"
        return Form(
            self.scope.locator(f"xpath=(.//label[{words}])[{number}]/following::fieldset[1]")
        )

    def fill(self, values: Values, number: int = 1) -> None:
        """Fill in fields by their labels; the fields of a part are a mapping.

        Where the part is a list, `number` says which of its items.
        """
        for label, value in values.items():
            part = self.part(label, number)
            if isinstance(value, Mapping):
                part.fill(value)
            else:
                part.write(str(value))

    def write(self, text: str) -> None:
        """Type a text or a number, or choose it from the list."""
        control = self._control()
        if control.evaluate("control => control.tagName") == "SELECT":
            control.select_option(text)
        else:
            control.fill(text)

    def shows(self) -> str:
        """What the field shows."""
        return self._control().input_value()

    def add(self) -> None:
        """Add an item to the list."""
        self.scope.get_by_role("button", name="Add item").last.click()

    def _control(self) -> Locator:
        return self.scope.locator("input, textarea, select").first


class PrefectPage:
    """A tab of a browser on the Prefect server."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address

    # Deployments

    def open_deployment(self, flow: str, name: str) -> None:
        """From the list of deployments to one of them."""
        self.page.goto(f"{self.address}/deployments")
        row = self.page.get_by_role("row", name=f"{name} {flow} ")
        row.get_by_role("link", name=name, exact=True).click()
        expect(self.page.get_by_text("Entrypoint")).to_be_visible()

    def custom_run(self) -> Form:
        """From a deployment to the form of a run."""
        self.page.get_by_role("button", name="Run", exact=True).click()
        self.page.get_by_text("Custom run", exact=True).click()
        return self._form()

    def quick_run(self) -> None:
        """From a deployment to a run with its defaults."""
        self.page.get_by_role("button", name="Run", exact=True).click()
        self._start(self.page.get_by_text("Quick run", exact=True))

    def copy_to_new_run(self) -> Form:
        """From a run that has ended to a form filled in as it was."""
        beside = self.page.get_by_role("button", name="Retry")
        beside.locator("xpath=following::button[1]").click()
        self.page.get_by_role("button", name="Copy to new run").click()
        return self._form()

    def _form(self) -> Form:
        expect(self.page.get_by_role("button", name="Submit")).to_be_visible()
        form = Form(self.page.locator("body")).part("Experiment")
        expect(form.part("Name")._control()).not_to_be_empty()
        return form

    def submit(self) -> None:
        """Start the run that the form describes, and follow to its page."""
        self._start(self.page.get_by_role("button", name="Submit"))

    def _start(self, button: Locator) -> None:
        """Start a run, and open its page.

        By its address: the note with "View run" moves while Prefect goes back from the form to the
        deployment, and on a busy machine a click on it is lost, or undone by that step.
        """
        with self.page.expect_response(re.compile("/create_flow_run$")) as answer:
            button.click()
        assert answer.value.ok, answer.value.text()
        expect(self.page.get_by_role("button", name="View run").last).to_be_visible()
        self.open(f"{self.address}/runs/flow-run/{answer.value.json()['id']}")
        self.expect_run_page()

    # Schedules, on the page of a deployment

    def add_schedule(self, minutes: int) -> None:
        """Add a schedule with an interval of this many minutes."""
        self.page.get_by_role("button", name="Schedule", exact=True).click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("spinbutton").fill(str(minutes))
        dialog.get_by_role("button", name="Save").click()
        expect(dialog).to_be_hidden()

    def schedule_switch(self, words: str) -> Locator:
        """What turns the schedule of these words on and off."""
        return self.page.get_by_text(words, exact=True).locator(
            "xpath=following::*[@role='switch'][1]"
        )

    # Runs

    def open(self, address: str) -> None:
        """A page by its address."""
        self.page.goto(address)

    def expect_run_page(self) -> None:
        """The page of a flow run is open."""
        expect(self.page).to_have_url(re.compile("/runs/flow-run/"))

    def expect_state(self, state: str, seconds: float) -> None:
        """The run on this page reaches a state, and shows it without a reload."""
        banner = self.page.get_by_role("banner")
        expect(banner.get_by_text(state, exact=True)).to_be_visible(timeout=seconds * SECOND)

    def open_tab(self, name: str) -> Locator:
        """A tab of the page: its panel."""
        self.page.get_by_role("listitem").get_by_text(name, exact=True).click()
        return self.page.get_by_role("tabpanel", name=name)

    def open_task_run(self, name: str | re.Pattern[str], seconds: float = SLOW) -> None:
        """From a run to one of its task runs, once it has begun."""
        panel = self.open_tab("Task Runs")
        panel.get_by_role("link", name=name).first.click(timeout=seconds * SECOND)
        expect(self.page).to_have_url(re.compile("/runs/task-run/"))
        # The address changes before the page: until then its tabs are those of the flow run.
        expect(self.page.get_by_text("Task inputs")).to_be_visible()

    def open_latest_run(self, name: str, seconds: float) -> None:
        """From a deployment to its latest run, once there is one."""
        panel = self.open_tab("Runs")
        panel.get_by_role("link", name=name).first.click(timeout=seconds * SECOND)
        self.expect_run_page()

    def cancel(self) -> None:
        """Cancel the run on this page."""
        self.page.get_by_role("button", name="Cancel").click()
        self.page.get_by_role("dialog").get_by_role("button", name="Confirm").click()

    def follow_to_mlflow(self) -> Page:
        """From a task run, by the link among its artifacts, to its run in MLflow: the new tab."""
        self.open_tab("Artifacts").get_by_role("link", name="mlflow-run").click()
        with self.page.expect_popup() as opened:
            self.page.get_by_role("article").get_by_role("link").first.click()
        return opened.value
