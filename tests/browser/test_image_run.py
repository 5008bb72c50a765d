"""An experiment on images in a real browser: started from its form, followed to its pictures."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.conftest import tab
from tests.browser.mlflow_page import MlflowPage
from tests.browser.prefect_page import PrefectPage
from tests.support.tiny_images import write_image_experiment
from tests.support.up import Up

pytestmark = pytest.mark.live

STEPS = 8
DONE = 900.0  # seconds


@pytest.fixture(scope="module")
def run(up: Up, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run on pictures that was started by the form of a deployment and has ended: its address."""
    folder = tmp_path_factory.mktemp("pictures")
    write_image_experiment(folder)
    with tab(browser, folder) as page:
        prefect = PrefectPage(page, f"http://127.0.0.1:{up.ports[0]}")
        prefect.open_deployment("images", "blank")
        form = prefect.custom_run()
        form.fill(
            {
                "Name": "shapes",
                "Images": {"Source": folder / "many", "Validation share": 0.2},
                "Pixels": {"Size": 16},
                "Pre-training": {"Steps": STEPS, "Batch size": 16, "Steps between points": 2},
                "Evaluation": {"Bootstrap samples": 200},
            }
        )
        problems = form.part("Downstream problems")
        problems.add()
        problems.fill({"Name": "kinds", "Source": folder / "few", "Epochs": 2})
        prefect.submit()
        prefect.expect_state("Completed", DONE)
        return page.url


@pytest.mark.parametrize(
    ("stage", "picture"), [("images", "sheet.png"), ("evaluation", "pictures.png")]
)
def test_its_pictures_are_seen_in_mlflow(
    page: Page, up: Up, run: str, stage: str, picture: str
) -> None:
    prefect = PrefectPage(page, f"http://127.0.0.1:{up.ports[0]}")
    prefect.open(run)
    prefect.open_task_run(stage)
    mlflow = MlflowPage(prefect.follow_to_mlflow(), f"http://127.0.0.1:{up.ports[1]}")
    mlflow.expect_status("Finished")
    width, height = mlflow.picture(picture)
    assert width > 300
    assert height > 100
