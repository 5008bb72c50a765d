"""The pictures of the documentation, from real runs of the demo: TEMPER_PICTURES=mlflow/pictures.

They take somewhat longer than the demo.
"""

from __future__ import annotations

import os
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.mlflow_page import MlflowPage
from tests.browser.pictures import Pictures
from tests.browser.prefect_page import PRETRAINING, PrefectPage
from tests.support.up import Up

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif("TEMPER_PICTURES" not in os.environ, reason="TEMPER_PICTURES is not set"),
]

DONE = 3600.0  # seconds
STEPS = 600  # of a second run, beside the 2,500 of the preset
MENU = 260  # pixels of the menu at the left of a page


def test_the_pictures_of_the_documentation(page: Page, up: Up, pictures: Pictures) -> None:
    preset = up.popen("run", "demo")
    prefect = PrefectPage(page, f"http://127.0.0.1:{up.ports[0]}")
    prefect.open_deployment("experiment", "demo")
    form = prefect.custom_run()
    form.part("Pre-training").fill({"Steps": STEPS})
    heading = page.get_by_text("How the encoder is pre-trained on text")
    heading.evaluate("text => text.scrollIntoView()")
    page.mouse.wheel(0, -80)
    pictures.take(page, "form", left=MENU)
    prefect.submit()
    run = page.url
    prefect.open_task_run(PRETRAINING)
    progress = prefect.open_tab("Artifacts").get_by_text(
        re.compile(f"[234][0-9][0-9] of {STEPS} steps")
    )
    expect(progress).to_be_visible(timeout=DONE * 1000)
    prefect.open(run)
    prefect.open_tab("Task Runs")
    pictures.take(page, "run", left=MENU)
    prefect.expect_state("Completed", DONE)
    assert preset.wait(DONE) == 0

    mlflow = MlflowPage(page.context.new_page(), f"http://127.0.0.1:{up.ports[1]}")
    mlflow.open_runs("demo")
    mlflow.use_view("results")
    pictures.take(mlflow.page, "runs", height=420)
    mlflow.tick(2)
    mlflow.compare()
    mlflow.show_differences_only()
    pictures.take(mlflow.page, "compare")
    mlflow.open_runs("demo")
    mlflow.search("tags.`temper.stage` = 'pretraining'")
    mlflow.open_rows(2)
    mlflow.show_charts()
    mlflow.search_charts("loss")
    expect(mlflow.curve("pretraining", "loss").first).to_be_visible()
    pictures.take(mlflow.page, "curves")

    prefect.open_deployment("compare", "compare-runs")
    prefect.quick_run()
    prefect.expect_state("Completed", DONE)
    artifacts = prefect.open_tab("Artifacts")
    artifacts.get_by_role("link", name="markdown comparison Created").click()
    expect(page.get_by_role("article").get_by_role("table").first).to_be_visible()
    pictures.take(page, "comparison", left=MENU)
