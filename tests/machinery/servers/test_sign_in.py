"""MLflow's accounts are those of the variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.machinery.host.uris import sqlite_uri
from tasks.machinery.servers.sign_in import prepare_sign_in


@pytest.mark.slow  # imports MLflow in a process of its own
def test_only_the_account_of_the_variables_is_an_administrator(monkeypatch, home: Path) -> None:
    pytest.importorskip("flask_wtf")
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    home.mkdir(parents=True, exist_ok=True)
    store = SqlAlchemyStore()
    store.init_db(sqlite_uri(home / "mlflow_auth.db"))
    store.create_user("ada", "long-enough-of-ada", is_admin=True)  # of earlier variables
    store.create_user("eve", "long-enough-of-eve")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "bob")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "long-enough-of-bob")
    prepare_sign_in()
    assert {user.username: user.is_admin for user in store.list_users()} == {
        "bob": True,
        "eve": False,
    }
    assert store.authenticate_user("bob", "long-enough-of-bob")
    assert not store.authenticate_user("ada", "long-enough-of-ada")
