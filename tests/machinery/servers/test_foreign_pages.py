"""Which requests a server answers that listens on a person's machine, and which it refuses."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocket

from tasks.machinery.servers.foreign_pages import guarded
from tasks.machinery.servers.listening import LOOPBACK

OWN = "http://127.0.0.1:4200"
SOCKET = "ws://127.0.0.1:4200/api/events/in"
JSON = {"content-type": "application/json"}
METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]


async def answer(_: object) -> PlainTextResponse:
    return PlainTextResponse("done")


async def stream(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("done")
    await socket.close()


@pytest.fixture
def client() -> TestClient:
    routes = [Route("/api/x", answer, methods=METHODS), WebSocketRoute("/api/events/in", stream)]
    board = "https://board.example"
    return TestClient(guarded(Starlette(routes=routes), LOOPBACK, [board]), base_url=OWN)


FOREIGN = {
    "another site": {"origin": "https://evil.example"},
    "another port": {"origin": "http://127.0.0.1:8000"},
    "another name of this host": {"origin": "http://localhost:4200"},
    "a file, a frame in a sandbox": {"origin": "null"},
    "no address": {"origin": ""},
    "only its end is the same": {"origin": "http://evil.example/127.0.0.1:4200"},
    "the same as a name before @": {"origin": "http://127.0.0.1:4200@evil.example"},
    "no Origin, another site": {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"},
    "no Origin, another port": {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("method", METHODS)
def test_a_foreign_page_is_refused(client, method: str, headers: dict[str, str]) -> None:
    answered = client.request(method, "/api/x", headers=headers | JSON)
    assert answered.status_code == 403
    assert "done" not in answered.text
    assert not [name for name in answered.headers if name.startswith("access-control")]


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_page_gets_no_socket(client, headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDenialResponse) as denied:
        client.websocket_connect(SOCKET, headers=headers).__enter__()
    assert denied.value.status_code == 403


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:4200", "127.0.0.1.evil.example", "10.evil.example", "[::2]", ""],
)
def test_a_host_that_is_not_this_one_is_refused(client, host: str) -> None:
    for headers in ({"host": host}, {"host": host, "origin": f"http://{host}"}):
        assert client.post("/api/x", headers=headers).status_code == 400
        with pytest.raises(WebSocketDenialResponse):
            client.websocket_connect(SOCKET, headers=headers).__enter__()


@pytest.mark.parametrize("content", ["text/plain;charset=UTF-8", "multipart/form-data; boundary=x"])
def test_the_content_of_a_form_changes_nothing(client, content: str) -> None:
    answered = client.post("/api/x", content="{}", headers={"content-type": content})
    assert answered.status_code == 403
    assert "application/json" in answered.text


@pytest.mark.parametrize("how", [("navigate", "iframe"), ("navigate", "object"), ("cors", "empty")])
def test_a_foreign_page_shows_no_page_in_a_frame(client, how: tuple[str, str]) -> None:
    headers = {"sec-fetch-site": "cross-site", "sec-fetch-mode": how[0], "sec-fetch-dest": how[1]}
    assert client.get("/api/x", headers=headers).status_code == 403
    shown = client.get("/api/x").headers
    assert shown["x-frame-options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in shown["content-security-policy"]


@pytest.mark.parametrize("host", ["127.0.0.1:4200", "localhost:4201", "[::1]:4200", "LOCALHOST"])
def test_its_own_pages_and_programs_are_answered(client, host: str) -> None:
    page = {"host": host, "origin": f"http://{host.lower()}", "sec-fetch-site": "same-origin"}
    for headers in (page, page | {"origin": f"https://{host.lower()}"}, {"host": host}):
        for method in METHODS:
            assert client.request(method, "/api/x", headers=headers | JSON).text == "done"
        with client.websocket_connect(SOCKET, headers=headers) as socket:
            assert socket.receive_text() == "done"


def test_a_link_to_it_is_followed_and_a_page_that_is_listed_is_let_in(client) -> None:
    link = {"sec-fetch-site": "same-site", "sec-fetch-mode": "navigate"}
    assert client.get("/api/x", headers=link | {"sec-fetch-dest": "document"}).text == "done"
    listed = {"origin": "https://board.example", "sec-fetch-site": "cross-site"}
    assert client.post("/api/x", headers=listed).text == "done"
