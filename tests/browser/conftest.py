"""A browser and one `temper up` for all tests of this folder; what is left where one fails."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from tests.browser.pictures import WINDOW, Pictures
from tests.support.foreign_page import EVIL
from tests.support.tiny_experiment import write_experiment
from tests.support.up import Up, up_on

INSTALL = "apt-get install -y chromium, or: .venv/bin/playwright install chromium"
PATIENCE = 60_000.0  # milliseconds: pages ask their server again every few seconds, if it has time
_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium: the system's, or Playwright's own."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        expect.set_options(timeout=PATIENCE)
        yield browser
        browser.close()


def launch(playwright: Playwright) -> Browser:
    """Start a browser; a skip where there is none, and a failure where there has to be one."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    words = ["--no-sandbox", "--disable-gpu", "--disable-software-rasterizer", "--disable-quic"]
    words.append(f"--host-resolver-rules=MAP {EVIL} 127.0.0.1")
    try:
        return playwright.chromium.launch(executable_path=program, args=words)
    except Error as problem:
        if "chromium" in os.environ.get("TEMPER_TEST_REQUIRES", "").split():
            raise
        pytest.skip(f"no browser ({str(problem).splitlines()[0]}): {INSTALL}")


@pytest.fixture(scope="package")
def up(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Up]:
    """`temper up`, started and stopped once for all files of this folder."""
    folder = tmp_path_factory.mktemp("up")
    with up_on(folder, write_experiment(folder / "data")) as found:
        found.start()
        yield found


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    return Pictures(tmp_path_factory.mktemp("pictures"))


@contextmanager
def tab(browser: Browser, folder: Path) -> Iterator[Page]:
    """A tab of a fresh browser that knows no site yet; what it showed is kept where it fails."""
    context = browser.new_context(
        viewport=WINDOW, color_scheme="light", reduced_motion="reduce", locale="en-US"
    )
    context.set_default_timeout(PATIENCE)
    context.tracing.start(snapshots=True)  # no film: it would take a processor
    try:
        yield context.new_page()
    except BaseException:
        keep(context, folder)
        raise
    finally:
        context.close()


class FailedError(Exception):
    """The test that used a tab has failed."""


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Page]:
    """A tab for a test."""
    with suppress(FailedError), tab(browser, tmp_path) as page:
        yield page
        if request.node.stash.get(_FAILED, False):
            raise FailedError


def keep(context: BrowserContext, folder: Path) -> None:
    """Keep what each tab shows, and the trace of how it came to that."""
    for number, page in enumerate(context.pages, 1):
        page.screenshot(path=folder / f"tab-{number}.png")
    context.tracing.stop(path=folder / "trace.zip")
    print(f"\nwhat the browser showed: {folder} (playwright show-trace {folder / 'trace.zip'})")
