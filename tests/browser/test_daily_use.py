"""What a person does every day with `temper up`, in a real browser, seen in its pages.

With TEMPER_PICTURES=FOLDER the pictures of the documentation are written there.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import tab
from tests.browser.mlflow_page import MlflowPage
from tests.browser.prefect_page import PRETRAINING, Form, PrefectPage
from tests.support.up import Up

pytestmark = pytest.mark.live

STEPS, FOREVER = 400, 100_000
DONE = 900.0  # seconds in which a tiny run has ended, on a machine with other things to do


@pytest.fixture
def prefect(page: Page, up: Up) -> PrefectPage:
    return PrefectPage(page, f"http://127.0.0.1:{up.ports[0]}")


@pytest.fixture
def mlflow(page: Page, up: Up) -> MlflowPage:
    return MlflowPage(page.context.new_page(), f"http://127.0.0.1:{up.ports[1]}")


def tiny(up: Up, steps: int) -> dict[str, Any]:
    """What a person fills in for an experiment that takes seconds."""
    return {
        "Name": "tiny",
        "Corpus": {"Source": up.file.parent / "texts", "Validation share": 0.1},
        "Tokenizer": {"Vocabulary size": 200},
        "Model": {"Layers": 1, "Hidden size": 16, "Heads": 2, "Positions": 64},
        "Pre-training": {
            "Steps": steps,
            "Batch size": 8,
            "Sequence length": 32,
            "Learning rate": 0.002,
            "Validation sequences": 16,
            "Steps between points": 10,
        },
        "Evaluation": {"Bootstrap samples": 200},
    }


def add_problem(form: Form, up: Up) -> None:
    """Add the problem with the button of the list, and say what it is."""
    problems = form.part("Downstream problems")
    problems.add()
    problems.fill({"Name": "mood", "Source": up.file.parent / "moods.csv", "Longest example": 32})


@pytest.fixture(scope="module")
def first_run(up: Up, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run that was started by the form of a deployment: its address."""
    with tab(browser, tmp_path_factory.mktemp("form")) as page:
        prefect = PrefectPage(page, f"http://127.0.0.1:{up.ports[0]}")
        prefect.open_deployment("experiment", "blank")
        form = prefect.custom_run()
        assert form.part("Pre-training").part("Learning rate").shows() == "0.001"
        form.fill(tiny(up, STEPS))
        add_problem(form, up)
        prefect.submit()
        return page.url


def test_a_run_is_followed_to_its_curves(prefect: PrefectPage, up: Up, first_run: str) -> None:
    prefect.open(first_run)
    expect(prefect.page.get_by_role("banner")).to_contain_text(
        f"tiny · bert 1×16 · {STEPS:,} steps"
    )
    prefect.expect_state("Completed", DONE)
    prefect.open_task_run(PRETRAINING)
    mlflow = MlflowPage(prefect.follow_to_mlflow(), f"http://127.0.0.1:{up.ports[1]}")
    mlflow.expect_status("Finished")
    assert 0 < mlflow.metric("validation_loss") < 6
    mlflow.open_curves()
    for metric in ("loss", "learning_rate"):
        expect(mlflow.curve("pretraining", metric)).to_be_visible()


def test_two_runs_are_selected_and_compared(
    prefect: PrefectPage, mlflow: MlflowPage, first_run: str
) -> None:
    prefect.open(first_run)
    prefect.expect_state("Completed", DONE)
    form = prefect.copy_to_new_run()
    assert form.part("Pre-training").part("Steps").shows() == str(STEPS)
    form.part("Downstream problems").fill({"Learning rate": 0.004})
    prefect.submit()
    prefect.expect_state("Completed", DONE)
    states = prefect.open_tab("Task Runs")
    expect(states.get_by_text("Cached", exact=True).first).to_be_visible()

    mlflow.widen()
    mlflow.open_runs("tiny")
    expect(mlflow.rows().nth(1)).to_be_visible()
    mlflow.use_view("results")
    rate = "downstream.mood.learning_rate"
    for title in ("downstream/mood/accuracy", "downstream/mood/gain", rate):
        expect(mlflow.column(title)).to_be_visible()
    mlflow.tick(2)
    mlflow.compare()
    assert mlflow.compared(rate) == ["0.004", "0.0005"]
    name = f"tiny · bert 1×16 · {STEPS:,} steps"
    assert mlflow.compared("Run Name:") == [f"mood.learning_rate=0.004 · {name}", name]
    expect(mlflow.page.get_by_role("link", name="downstream/mood/accuracy")).not_to_have_count(0)
    mlflow.show_differences_only()
    expect(mlflow.page.get_by_role("rowheader", name=rate)).to_be_visible()
    expect(mlflow.page.get_by_role("rowheader", name="pretraining.steps")).to_be_hidden()


def test_a_run_is_watched_cancelled_in_prefect_and_killed_in_mlflow(
    prefect: PrefectPage, mlflow: MlflowPage, up: Up
) -> None:
    prefect.open_deployment("experiment", "blank")
    form = prefect.custom_run()
    form.fill(tiny(up, FOREVER) | {"Name": "endless"})
    prefect.submit()
    address = prefect.page.url
    prefect.open_task_run(PRETRAINING)
    steps = re.compile(f"[0-9,]+ of {FOREVER:,} steps")
    progress = prefect.open_tab("Artifacts").get_by_text(steps)
    before = progress.inner_text()
    expect(progress).not_to_have_text(before)  # it moves by itself
    prefect.open(address)
    prefect.cancel()
    prefect.expect_state("Cancelled", DONE)

    mlflow.open_runs("endless")
    mlflow.rows().first.click()
    mlflow.expect_status("Killed")


def test_a_schedule_that_is_turned_on_brings_a_run(prefect: PrefectPage) -> None:
    prefect.open_deployment("gc", "delete-unused-artifacts")
    weekly = prefect.schedule_switch("temper: 0 4 * * 0")
    expect(weekly).not_to_be_checked()  # as shipped
    weekly.click()
    expect(weekly).to_be_checked()
    prefect.add_schedule(minutes=1)
    expect(prefect.schedule_switch("Every minute")).to_be_checked()
    prefect.open_latest_run("delete unused artifacts", seconds=DONE)
    prefect.expect_state("Completed", DONE)
    expect(prefect.open_tab("Artifacts").get_by_text("deleted 0 bytes of")).to_be_visible()
