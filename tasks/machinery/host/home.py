"""The state folder, and the addresses of the servers."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from tasks.contract import StageError
from tasks.machinery.host.uris import sqlite_uri
from tasks.machinery.naming.secrets import redacted

_PRIVATE, _GROUP, _OTHERS = 0o700, 0o070, 0o007
# What a state folder contains, which distinguishes it from a folder with other files too.
_OWN = re.compile(
    r"(store|mlflow|mlartifacts|prefect|runs|logs|backups|models|datasets|digests|servers|serving"
    r"|automation|\.)"
)
# Schemes that MLflow accepts for its runs (folders no longer); a database may name its driver, such
# as postgresql+psycopg2.
_STORES = ("http", "https", "sqlite", "postgresql", "mysql", "mssql")


def home() -> Path:
    """The folder with all state: `TEMPER_HOME`, or `.temper` in the working directory."""
    return Path(os.environ.get("TEMPER_HOME") or ".temper").absolute()


def store_folder() -> Path:
    """The folder of the artifacts."""
    return home() / "store"


def tracking_uri() -> str:
    """Where MLflow keeps runs: `MLFLOW_TRACKING_URI`, or a database in the state folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or own_database()


def own_database() -> str:
    """The database in the state folder, as MLflow names it."""
    return sqlite_uri(home() / "mlflow.db")


def make_home() -> None:
    """Create the state folder and Prefect's; Prefect creates its own only if the parent exists.

    Raises:
        StageError: it is not writable, or its name is not text.
    """
    problem = ""
    try:
        str(home()).encode()
    except UnicodeEncodeError:
        raise StageError(
            f"TEMPER_HOME: {ascii(str(home()))[1:-1]} is not UTF-8; set TEMPER_HOME to a folder "
            "whose path is"
        ) from None
    try:
        if not home().exists():
            home().mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        (home() / "prefect").mkdir(exist_ok=True)
        if not os.access(home(), os.W_OK | os.X_OK):
            problem = "you have no write permission"
    except OSError as error:
        problem = str(error.strerror)
    if problem:
        raise StageError(
            f"TEMPER_HOME: cannot write to {home()} ({problem}); "
            "set TEMPER_HOME to a folder that you can write to"
        )


def close_home() -> str:
    """Take the rights of others from a state folder that has them by default, not by choice.

    It has the texts, labels and models of its experiments. A group that may write to it keeps its
    rights. The folder is left as it is if it belongs to somebody else, has other files than
    Temper's, or was shared by choice: with a set-group-ID or sticky bit, or an access control list.

    Returns:
        What was changed; empty if nothing was.
    """
    folder = home()
    try:
        found = folder.stat()
        mode = stat.S_IMODE(found.st_mode)
        others = _OTHERS if mode & stat.S_IWGRP else _GROUP | _OTHERS
        if found.st_uid != os.getuid() or not mode & others or _is_shared(folder, mode):
            return ""
        folder.chmod(mode & ~others)
    except OSError:
        return ""
    return (
        f"{folder} was open to other users of this machine, and is not any more. To share it with "
        f"a group: chgrp -R GROUP {folder}; chmod -R g+rwXs {folder}"
    )


def _is_shared(folder: Path, mode: int) -> bool:
    """Whether somebody chose to share a folder, or it is not Temper's alone."""
    attributes = os.listxattr(folder) if hasattr(os, "listxattr") else []
    others = [each.name for each in folder.iterdir() if not _OWN.match(each.name)]
    is_chosen = mode & (stat.S_ISGID | stat.S_ISVTX) or "system.posix_acl_access" in attributes
    return bool(is_chosen or others)


def require_addresses() -> None:
    """Check that the configured server addresses are well-formed; no connection is made.

    Raises:
        StageError: one is not.
    """
    uri = tracking_uri()
    scheme, separator, _ = uri.partition("://")
    is_store = separator and scheme.partition("+")[0] in _STORES
    if not is_store and not uri.startswith("databricks"):
        raise StageError(
            f"MLFLOW_TRACKING_URI is {redacted(uri)!r}; accepted: "
            f"{', '.join(f'{name}://…' for name in _STORES)}; unset it to store the runs in "
            f"{home() / 'mlflow.db'}"
        )
    address = os.environ.get("PREFECT_API_URL", "")
    if address and not address.startswith(("http://", "https://")):
        raise StageError(
            f"PREFECT_API_URL is {redacted(address)!r}; accepted: http://HOST:PORT/api; unset it "
            "to use a temporary server"
        )
