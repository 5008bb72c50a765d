"""What Prefect keeps of a stage: its result by fingerprint, and the artifacts on its page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect.artifacts import create_link_artifact, create_markdown_artifact
from prefect.cache_policies import CachePolicy
from prefect.context import TaskRunContext
from pydantic import BaseModel, model_validator

from tasks.machinery.host.home import store_folder
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.store import Store

SHEETS = ("sheet.png", "pictures.png")  # of the pages of stages on pictures
WIDEST = 900  # pixels of a sheet in Prefect


class Reference(BaseModel):
    """The result that Prefect stores for a stage: its artifact. Reading it verifies the files.

    Prefect treats a stored result that cannot be read as a miss, so a damaged artifact is
    recomputed.
    """

    stage: str
    fingerprint: str

    @model_validator(mode="after")
    def _files_are_what_they_were(self) -> Reference:
        artifact = self.artifact()
        damage = artifact.damage()
        if damage:
            raise ValueError(damage)
        return self

    def artifact(self) -> Artifact:
        """The artifact; ValueError if there is none."""
        artifact = Store(store_folder()).load(self.stage, self.fingerprint)
        if artifact is None:
            raise ValueError(f"{self.stage} {self.fingerprint[:12]} is not in the store")
        return artifact


@dataclass
class ByFingerprint(CachePolicy):
    """Prefect's cache key is the stage's fingerprint."""

    fingerprint: str = ""

    def compute_key(
        self,
        task_ctx: TaskRunContext,  # noqa: ARG002
        inputs: dict[str, Any],  # noqa: ARG002
        flow_parameters: dict[str, Any],  # noqa: ARG002
        **kwargs: Any,  # noqa: ARG002
    ) -> str:
        """The fingerprint, independent of Prefect's inputs."""
        return self.fingerprint


def show_link(address: str) -> None:
    """Link the task in Prefect to its run in MLflow, if a server shows that."""
    if address:
        create_link_artifact(link=address, link_text="run in MLflow", key="mlflow-run")


def show_card(artifact: Artifact, title: str, address: str) -> None:
    """Show the stage's page as an artifact in Prefect, with a link to its run in MLflow.

    Of pictures, also their sheets: Prefect stores no files, so they are in the text.
    """
    card = artifact.pages / "card.md"
    page = card.read_text() if card.is_file() else ""
    for name in SHEETS:
        if page and (artifact.pages / name).is_file():
            page += f"\n\n![{name}]({as_address(artifact.pages / name)})\n"
    link = f"[Run in MLflow]({address})\n\n" if address else ""
    if page or link:
        key = "".join(c if c.isalnum() else "-" for c in title.lower())
        create_markdown_artifact(link + page, key=key, description=title)


def as_address(file: Path) -> str:
    """A picture as an address that contains it: small, since Prefect keeps it in its database."""
    from PIL import Image

    with Image.open(file) as image:
        small = image.convert("RGB")
    small.thumbnail((WIDEST, small.height))
    written = io.BytesIO()
    small.save(written, format="jpeg", quality=80, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
