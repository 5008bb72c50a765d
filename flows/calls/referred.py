"""A model that a person refers to, found on this machine, in MLflow or on the Hub."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Referred:
    """A model that was found.

    Attributes:
        folder: with its files.
        configuration: its config.json.
        columns: by role, how the columns were called that it was trained on; empty if unknown.
    """

    folder: Path
    configuration: dict[str, Any]
    columns: Mapping[str, str]


def referred_model(reference: str, say: Callable[[str], None]) -> Referred:
    """Find a model.

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
    from tasks.references.read_columns import columns_read
    from tasks.references.resolving import resolve_model

    store = Store(store_folder())
    found = resolve_model(reference, "MODEL", Tracking("", say), store)
    return Referred(found.path, configuration_of(found.path, reference), columns_read(found, store))
