"""Prefect's server, guarded against the pages of other sites: `python -m` this module.

Prefect's own settings bind no host names, and its protection of forms (CSRF) leaves WebSockets and
readers out. So its application is wrapped, and served as `prefect server start` serves it. Its
writes to SQLite wait for each other (`waiting_writes.py`).
"""

from __future__ import annotations

import argparse
import os

from tasks.machinery.host.child import python_command
from tasks.machinery.servers.listening import LOOPBACK

MODULE = "tasks.machinery.servers.prefect_server"
ORIGINS = "PREFECT_SERVER_CORS_ALLOWED_ORIGINS"


def command(port: int, host: str = LOOPBACK[0], hosts: tuple[str, ...] = LOOPBACK) -> list[str]:
    """The command that starts the server."""
    accepted = (f"--accepted={name}" for name in hosts)
    return python_command(MODULE, "--host", host, "--port", str(port), *accepted)


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description=__doc__)
    parser.add_argument("--host", default=LOOPBACK[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--accepted", action="append", metavar="HOST", help="a host name")
    asked = parser.parse_args()
    listed = [each.strip() for each in os.environ.get(ORIGINS, "").split(",")]
    origins = [each for each in listed if each not in ("", "*")]
    # By default, Prefect lets scripts of all pages read its answers.
    os.environ[ORIGINS] = ",".join(origins) or f"http://{asked.host}:{asked.port}"

    import uvicorn
    from prefect.server.api.server import create_app
    from prefect.settings import get_current_settings

    from tasks.machinery.servers.foreign_pages import guarded
    from tasks.machinery.servers.waiting_writes import have_writes_wait

    have_writes_wait()
    settings = get_current_settings().server
    uvicorn.run(
        guarded(create_app(final=True), asked.accepted or LOOPBACK, origins),
        host=asked.host,
        port=asked.port,
        lifespan="on",
        log_level=settings.logging_level.lower(),
        timeout_keep_alive=settings.api.keepalive_timeout,
        ws_ping_interval=settings.api.websocket_ping_interval,
        ws_ping_timeout=settings.api.websocket_ping_timeout,
    )


if __name__ == "__main__":
    main()
