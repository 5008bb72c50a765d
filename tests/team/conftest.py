"""The servers of a team, one set for all tests that leave them as they are."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.team.servers import ADMIN, ADMIN_PASSWORD, Team, team_servers


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """Servers that all tests use; a skip where PostgreSQL is not installed."""
    database = Path(tempfile.mkdtemp(prefix="temper-postgres-"))  # where another user may look
    with team_servers(tmp_path_factory.mktemp("servers"), database) as team:
        yield team


@pytest.fixture
def team(servers: Team, monkeypatch: pytest.MonkeyPatch) -> Team:
    """The servers, and this process as their administrator."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", ADMIN)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", ADMIN_PASSWORD)
    return servers


@pytest.fixture
def mlflow(team: Team) -> MlflowClient:
    """Their MLflow, asked as the administrator."""
    return MlflowClient(team.mlflow)
