"""Explanations, learning curves, ways of tuning and the report: their pictures are really shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mlflow import MlflowClient
from playwright.sync_api import Locator, Page, expect

from tests.browser.mlflow_page import MlflowPage
from tests.support.up import Up

pytestmark = [pytest.mark.live, pytest.mark.long]

NAME = "figures"
SMALLEST = (300, 100)  # pixels of a picture that shows something


@pytest.fixture(scope="module")
def html(up: Up) -> Path:
    """Two runs, tuned in full and by LoRA, with explanations and a learning curve: compared."""
    given = [
        f"name={NAME}",
        "evaluation.explain=[integrated-gradients,occlusion]",
        "evaluation.explained_rows=10",
        "evaluation.learning_curve=[0.4,1]",
        "evaluation.from_scratch=true",
    ]
    for method in ("full", "lora"):
        words = [word for each in given for word in ("--set", each)]
        words += ["--set", f"downstream.mood.tuning.method={method}"]
        status, said = up.temper("run", str(up.file), *words, log_name=method)
        assert status == 0, said
    file = up.folder / "ways.html"
    status, said = up.temper("compare", "--last", "2", "--html", str(file))
    assert status == 0, said
    return file


def expect_seen(images: Locator, least: int) -> None:
    """At least so many images are there, and each is loaded and large enough to be read."""
    expect(images.nth(least - 1)).to_be_visible()
    for number in range(images.count()):
        image = images.nth(number)
        width, height = image.evaluate("image => [image.naturalWidth, image.naturalHeight]")
        assert width > SMALLEST[0], image.get_attribute("alt")
        assert height > SMALLEST[1], image.get_attribute("alt")


@pytest.mark.parametrize(
    ("stage", "picture"),
    [
        ("explanation mood", "mistakes.png"),
        ("explanation mood", "faithfulness.png"),
        ("learning-curve mood", "learning-curve.png"),
        ("report", "gains.png"),
        ("report", "mood-learning-curve.png"),
    ],
)
def test_the_pictures_of_a_stage_are_seen_in_mlflow(
    stage: str, picture: str, page: Page, up: Up, html: Path
) -> None:
    mlflow = MlflowPage(page, f"http://127.0.0.1:{up.ports[1]}")
    client = MlflowClient(mlflow.address)
    experiment = client.get_experiment_by_name(NAME)
    [run, *_] = client.search_runs(
        [experiment.experiment_id], f"attributes.run_name = '{stage}'", max_results=1
    )
    page.goto(f"{mlflow.address}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}")
    width, height = mlflow.picture(picture)
    assert (width > SMALLEST[0], height > SMALLEST[1]) == (True, True)
    page.screenshot(path=up.folder / f"{stage}-{picture}")


def test_words_are_coloured_on_the_page_of_explanations(page: Page, up: Up, html: Path) -> None:
    file = next((up.home / "store" / "explanation").glob("*/show/explanations.html"))
    page.goto(file.as_uri())
    expect_seen(page.locator("img"), 2)
    coloured = page.locator("[style*='background']")
    expect(coloured.first).to_be_visible()
    page.screenshot(path=up.folder / "explanations.png", full_page=True)


def test_the_picture_of_ways_of_tuning_is_seen_in_the_comparison(page: Page, html: Path) -> None:
    page.goto(html.as_uri())
    expect_seen(page.locator("img"), 1)
    picture = page.get_by_alt_text(re.compile("over the seconds of fine-tuning"))
    picture.scroll_into_view_if_needed()
    expect(picture).to_be_visible()
    page.screenshot(path=html.with_suffix(".png"))
