"""A model that a person refers to, found on this machine, in MLflow or on the Hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def referred_model(reference: str, say: Callable[[str], None]) -> tuple[Path, dict[str, Any]]:
    """The folder of a model, and its config.json.

    Args:
        reference: models:/NAME@ALIAS, runs:/ID, hf:NAME, … or a folder.
        say: receives what is reported of MLflow.

    Raises:
        StageError: there is no such model.
    """
    from tasks.machinery.host.home import store_folder
    from tasks.machinery.store.store import Store
    from tasks.machinery.tracking.tracking import Tracking
    from tasks.models.files import configuration_of
    from tasks.references.resolving import resolve_model

    found = resolve_model(reference, "MODEL", Tracking("", say), Store(store_folder()))
    return found.path, configuration_of(found.path, reference)
