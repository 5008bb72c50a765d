"""What a page of another site tries on a Prefect server: to change a deployment and to start it."""

from __future__ import annotations

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

EVIL = "evil.example"  # a name that the browser of the tests resolves to this machine
CHANGE: dict[str, Any] = {
    "entrypoint": "os:system",
    "pull_steps": [{"prefect.deployments.steps.run_shell_script": {"script": "true"}}],
}
START = {"name": "started by a foreign page"}
EVENT = {
    "event": "temper.data-arrived",
    "resource": {"prefect.resource.id": "temper.model.foreign"},
    "occurred": "2026-01-01T00:00:00Z",
    "id": "7d1f6f4e-0000-4000-8000-000000000001",
}
# Each way in which a page can send something, one after another; at last the title says so.
PAGE = """<!doctype html><title>at work</title>
<iframe name="sink" sandbox="allow-forms"></iframe>
<form id="form" method="post" target="sink" enctype="text/plain"><input name="field"></form>
<script>
const server = %(server)s, one = server + "/api/deployments/" + %(deployment)s
const start = one + "/create_flow_run", body = JSON.stringify(%(start)s)
const json = {"Content-Type": "application/json"}
const pause = ms => new Promise(done => setTimeout(done, ms))
const socket = (path, words) => new Promise(done => {
  const opened = new WebSocket(server.replace("http", "ws") + path, words.auth ? ["prefect"] : [])
  opened.onopen = async () => {
    if (words.auth) opened.send(JSON.stringify({type: "auth", token: null}))
    opened.send(JSON.stringify(words.say)); await pause(500); opened.close(); done("opened")
  }
  opened.onerror = () => done("refused")
})
const ways = {
  change: () => fetch(one, {method: "PATCH", headers: json, body: JSON.stringify(%(change)s)}),
  start: () => fetch(start, {method: "POST", headers: json, body}),
  "start, as text": () => fetch(start, {method: "POST", mode: "no-cors", body}),
  "start, as nothing": () =>
    fetch(start, {method: "POST", mode: "no-cors", body: new Blob([body])}),
  "start, without a referrer": () => fetch(start, {method: "POST", mode: "no-cors",
    referrerPolicy: "no-referrer", body: new Blob([body])}),
  "start, by a form": async () => {
    form.action = start; form.elements[0].name = body.slice(0, -1) + ', "tags": ["';
    form.elements[0].value = '"]}'
    const sink = document.querySelector("iframe")
    const answered = new Promise(done => sink.addEventListener("load", done, {once: true}))
    form.submit(); await Promise.race([answered, pause(30000)]); return {type: "sent"}
  },
  read: () =>
    fetch(server + "/api/deployments/filter", {method: "POST", headers: json, body: "{}"}),
  "tell an event": () => socket("/api/events/in", {say: %(event)s}),
  "hear events": () => socket("/api/events/out", {auth: true, say: {type: "filter", filter: {}}}),
  "hear logs": () => socket("/api/logs/out", {auth: true, say: {type: "filter", filter: {}}}),
}
async function all() {
  const came = {}
  for (const [name, way] of Object.entries(ways)) {
    try {
      const answer = await way()
      came[name] = typeof answer == "string" ? answer : String(answer.status ?? answer.type)
    } catch (problem) { came[name] = "refused" }
  }
  window.came = came
  document.title = "done"
}
all()
</script>"""


def page(server: str, deployment: UUID) -> str:
    """The page, against one deployment of a server at an address without `/api`."""
    words = {"server": server, "deployment": str(deployment), "change": CHANGE, "start": START}
    return PAGE % {k: json.dumps(value) for k, value in (words | {"event": EVENT}).items()}


@contextlib.contextmanager
def site(content: str) -> Iterator[int]:
    """A site with this one page: its port."""

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(content.encode())

        def log_message(self, *_: object) -> None:
            """A test says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def harm(client: SyncPrefectClient, deployment: UUID) -> tuple[bool, int]:
    """Whether a deployment was changed, and how often it was started."""
    found = client.read_deployment(deployment)
    this = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    runs = client.read_flow_runs(deployment_filter=this)
    started = [run for run in runs if run.name == START["name"]]
    return bool(found.pull_steps) or found.entrypoint == CHANGE["entrypoint"], len(started)


def new_deployment(client: SyncPrefectClient) -> UUID:
    """A deployment that nobody serves."""
    flow = client.create_flow_from_name("harmless")
    return client.create_deployment(flow_id=flow, name="harmless", entrypoint="a.b")
