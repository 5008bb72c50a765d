"""What a foreign page or a foreign name could send to `temper up`, request by request."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
import websockets

from tests.support.foreign_page import CHANGE, EVENT, START, harm
from tests.support.up import Up

pytestmark = pytest.mark.slow

JSON = "application/json"
FOREIGN: dict[str, dict[str, str]] = {
    "another site": {"Origin": "https://evil.example"},
    "another port": {"Origin": "http://127.0.0.1:8000"},
    "no address": {"Origin": "null"},
    "a name that points here": {"Host": "evil.example:4200", "Origin": "http://evil.example:4200"},
    "no Origin": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    "no Origin, as text": {"Content-Type": "text/plain"},
}
SOCKETS = ("/api/events/in", "/api/events/out", "/api/logs/out")


async def is_opened(address: str, headers: dict[str, str]) -> bool:
    """Whether a server opens a socket."""
    asked = httpx.URL(address, host=headers.get("Host", "127.0.0.1").partition(":")[0])
    try:
        async with websockets.connect(
            str(asked),
            host="127.0.0.1",  # where that name leads
            port=asked.port,
            origin=websockets.Origin(headers["Origin"]) if "Origin" in headers else None,
            subprotocols=[websockets.Subprotocol("prefect")],
            proxy=None,
        ):
            return True
    except websockets.InvalidStatus:
        return False


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_a_deployment_is_neither_changed_nor_started(up: Up, headers: dict[str, str]) -> None:
    server = f"http://127.0.0.1:{up.ports[0]}"
    with up.client() as client:
        deployment = client.read_deployment_by_name("gc/delete-unused-artifacts").id
        one = f"{server}/api/deployments/{deployment}"
        sent: list[tuple[str, str, Any]] = [
            ("PATCH", one, CHANGE),
            ("POST", f"{one}/create_flow_run", START),
            ("POST", f"{server}/api/deployments/", {"name": "new", "flow_id": str(deployment)}),
            ("POST", f"{server}/api/events", [EVENT]),
            ("POST", f"{server}/api/admin/database/clear", {"confirm": True}),
            ("DELETE", one, None),
        ]
        for method, address, body in sent:
            answered = httpx.request(
                method, address, json=body, headers={"Content-Type": JSON} | headers
            )
            assert answered.status_code in (400, 403), (method, address, answered.text)
            assert "access-control-allow-origin" not in answered.headers
        if "Origin" in headers:
            preflight = headers | {"Access-Control-Request-Method": "PATCH"}
            assert httpx.options(one, headers=preflight).status_code in (400, 403)
        assert harm(client, deployment) == (False, 0)


@pytest.mark.parametrize("path", SOCKETS)
def test_no_socket_is_opened_but_for_its_own_pages_and_programs(up: Up, path: str) -> None:
    address = f"127.0.0.1:{up.ports[0]}"
    for name in ("another site", "another port", "no address", "a name that points here"):
        assert not asyncio.run(is_opened(f"ws://{address}{path}", FOREIGN[name])), name
    own: list[dict[str, str]] = [{}, {"Origin": f"http://{address}"}]
    for headers in own:
        assert asyncio.run(is_opened(f"ws://{address}{path}", headers))


@pytest.mark.parametrize("host", ["evil.example", "10.evil.example", "192.168.evil.example"])
def test_mlflow_does_not_answer_to_a_foreign_name(up: Up, host: str) -> None:
    address = f"http://127.0.0.1:{up.ports[1]}"
    search = f"{address}/api/2.0/mlflow/experiments/search?max_results=1"
    assert httpx.get(search).status_code == 200
    assert httpx.get(search, headers={"Host": f"{host}:{up.ports[1]}"}).status_code == 403


def test_its_own_page_may_start_a_run(up: Up) -> None:
    server = f"http://127.0.0.1:{up.ports[0]}"
    answered = httpx.post(f"{server}/api/deployments/filter", json={}, headers={"Origin": server})
    assert answered.status_code == 200
