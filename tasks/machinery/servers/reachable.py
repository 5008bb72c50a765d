"""Whether the configured servers answer, found out in seconds.

MLflow's and Prefect's clients retry for minutes, which is right while a run is going on, and wrong
before it begins.
"""

from __future__ import annotations

import os
import socket
import urllib.request
from urllib.parse import urlsplit

from tasks.contract import UnreachableError
from tasks.machinery.host.home import tracking_uri
from tasks.machinery.servers.databases import require_databases

PATIENCE = 5.0  # seconds
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
_REMEDY = {
    "MLFLOW_TRACKING_URI": "Start it, set MLFLOW_TRACKING_URI to the server that has the runs, or "
    "unset it to store the runs in the state folder",
    "PREFECT_API_URL": "Start it, set PREFECT_API_URL to a server that runs, or unset it to use a "
    "temporary server",
}


def require_reachable_servers(*, prefect: bool = True) -> None:
    """Check that something listens at the addresses of MLflow and Prefect, or their databases.

    Args:
        prefect: whether Prefect is needed.

    Raises:
        UnreachableError: nothing listens there, or the name of the host is unknown.
        StageError: a database that is used without a server is damaged, locked, or of another
            version.
    """
    require_databases(prefect=prefect)
    _require("MLFLOW_TRACKING_URI", "MLflow", tracking_uri())
    if prefect:
        _require("PREFECT_API_URL", "Prefect", os.environ.get("PREFECT_API_URL", ""))


def _require(variable: str, server: str, address: str) -> None:
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:  # not an address: its own client reports that
        return
    scheme = parts.scheme.partition("+")[0]
    port = port or _PORTS.get(scheme)
    if not host or not port or _has_proxy(scheme, host):
        return
    try:
        socket.create_connection((host, port), PATIENCE).close()
    except OSError as error:
        reason = error.strerror or str(error) or type(error).__name__
        raise UnreachableError(
            f"cannot reach {server} at {host}:{port} ({variable}): {reason.lower()}. "
            f"{_REMEDY[variable]}"
        ) from None


def _has_proxy(scheme: str, host: str) -> bool:
    """Whether a proxy makes the connection, so that the host need not be reachable from here."""
    proxies = {scheme, "all"} & urllib.request.getproxies().keys()
    return bool(proxies) and not urllib.request.proxy_bypass(host)
