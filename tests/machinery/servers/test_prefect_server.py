"""Prefect's server answers requests that write at the same time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from tasks.machinery.servers.prefect_server import command
from tests.conftest import free_port

TOGETHER, TIMES = 12, 12


async def start_runs(api: str) -> Counter[int]:
    """Start runs of a deployment at the same time, as forms do; how often each status came."""
    async with httpx.AsyncClient(base_url=api, timeout=120) as client:
        flow = (await client.post("/flows/", json={"name": "busy"})).json()["id"]
        deployment = await client.post("/deployments/", json={"name": "form", "flow_id": flow})
        address = f"/deployments/{deployment.json()['id']}/create_flow_run"

        async def submitted() -> int:
            try:
                return (await client.post(address, json={})).status_code
            except httpx.TransportError:  # it closes some of the connections that it refuses
                return 0

        async def form() -> list[int]:
            return [await submitted() for _ in range(TIMES)]

        answers = await asyncio.gather(*(form() for _ in range(TOGETHER)))
    return Counter(status for each in answers for status in each)


@pytest.mark.slow  # a server with a new database
def test_writes_at_the_same_time_wait_for_each_other(tmp_path: Path) -> None:
    port = free_port()
    environment = os.environ | {"PREFECT_HOME": str(tmp_path)}
    environment["PREFECT_API_DATABASE_CONNECTION_URL"] = f"sqlite+aiosqlite:///{tmp_path}/p.db"
    for name in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING"):
        environment.pop(name, None)
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command(port), env=environment, stdout=log, stderr=log)
    api = f"http://127.0.0.1:{port}/api"
    try:
        until = time.monotonic() + 300
        while True:
            assert server.poll() is None, (tmp_path / "log").read_text()[-2000:]
            assert time.monotonic() < until
            try:
                if httpx.get(f"{api}/health").is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        assert asyncio.run(start_runs(api)) == {201: TOGETHER * TIMES}
    finally:
        server.terminate()
        server.wait(60)
