"""A page of another site, open in the browser in which a person uses `temper up`."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings

from tests.browser.prefect_page import PrefectPage
from tests.support.foreign_page import EVIL, harm, new_deployment, site
from tests.support.foreign_page import page as foreign_page
from tests.support.up import Up

pytestmark = pytest.mark.live


def visit(page: Page, address: str) -> dict[str, str]:
    """Open the page, and wait until it has tried everything: how each try ended."""
    page.goto(address)
    expect(page).to_have_title("done")
    came: dict[str, str] = page.evaluate("window.came")
    return came


def test_on_prefects_own_server_the_page_changes_a_deployment_and_starts_it(
    page: Page, prefect_server: str
) -> None:
    """If this fails, the page is no attack any more, and the next tests prove nothing."""
    with temporary_settings({PREFECT_API_URL: prefect_server}), get_client(sync_client=True) as it:
        deployment = new_deployment(it)
        with site(foreign_page(prefect_server.removesuffix("/api"), deployment)) as port:
            came = visit(page, f"http://{EVIL}:{port}/")
        assert came["change"] == "204"
        assert came["tell an event"] == came["hear logs"] == "opened"
        assert harm(it, deployment) == (True, 3)


@pytest.mark.parametrize("host", [EVIL, "127.0.0.1", "localhost"])
def test_on_the_server_of_temper_up_it_changes_and_starts_nothing(
    page: Page, up: Up, host: str
) -> None:
    address = f"http://127.0.0.1:{up.ports[0]}"
    with up.client() as client:
        deployment = client.read_deployment_by_name("gc/delete-unused-artifacts").id
        with site(foreign_page(address, deployment)) as port:
            came = visit(page, f"http://{host}:{port}/")
        assert harm(client, deployment) == (False, 0)
    sent = {"start, as text", "start, as nothing", "start, without a referrer", "start, by a form"}
    assert {name for name, how in came.items() if how != "refused"} <= sent
    prefect = PrefectPage(page, address)
    prefect.open_deployment("gc", "delete-unused-artifacts")  # its own pages work


def test_a_name_that_points_here_later_reaches_nothing(page: Page, up: Up) -> None:
    for port in up.ports:
        answered = page.goto(f"http://{EVIL}:{port}/")
        assert answered is not None
        assert answered.status in (400, 403)
        assert "nvalid" in page.content()
