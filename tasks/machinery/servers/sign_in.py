"""MLflow's sign-in, where other machines can connect: one account, whose password is in variables.

MLflow keeps its accounts in a database of its own and reads the variables only to create the first.
Here they count at each start, so that a changed password counts. An administrator of another name
was the account of earlier variables, or somebody's who knew its password: it is deleted.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

from tasks.machinery.host.home import home
from tasks.machinery.host.uris import sqlite_uri
from tasks.machinery.servers.databases import run
from tasks.machinery.servers.listening import MLFLOW_PASSWORD, MLFLOW_USER

_SETTINGS = """[mlflow]
default_permission = READ
database_uri = {database}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
# Without it, each request hashes the password again, and a run takes three times as long.
auth_cache_ttl_seconds = 60
"""
_UPDATE = """
import os, sys
from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore
store, name, password = SqlAlchemyStore(), os.environ[sys.argv[2]], os.environ[sys.argv[3]]
store.init_db(sys.argv[1])
if store.has_user(name):
    store.update_user(name, password=password, is_admin=True)
else:
    store.create_user(name, password, is_admin=True)
for user in store.list_users():
    if user.is_admin and user.username != name:
        store.delete_user(user.username)
"""


def prepare_sign_in() -> None:
    """Give the account of the variables the password of the variables, and delete other admins.

    Raises:
        StageError: MLflow refuses the name or the password.
    """
    database = sqlite_uri(home() / "mlflow_auth.db")
    _settings().write_text(_SETTINGS.format(database=database.replace("%", "%%")))
    words = [sys.executable, "-P", "-c", _UPDATE, database, MLFLOW_USER, MLFLOW_PASSWORD]
    run(words, "MLflow's account cannot be prepared")


def sign_in_environment() -> dict[str, str]:
    """What MLflow's server reads."""
    return {
        "MLFLOW_AUTH_CONFIG_PATH": str(_settings()),
        "MLFLOW_AUTH_ADMIN_USERNAME": os.environ[MLFLOW_USER],
        "MLFLOW_AUTH_ADMIN_PASSWORD": os.environ[MLFLOW_PASSWORD],
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32),  # of its forms, until it stops
    }


def _settings() -> Path:
    return home() / "mlflow_auth.ini"
