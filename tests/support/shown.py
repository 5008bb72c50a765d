"""The pages of an artifact's folder, as a run of the stage renders them."""

from __future__ import annotations

from pathlib import Path

from tasks.contract import Show


def shown(show: Show, artifact: Path) -> Path:
    """The folder of the pages, beside that of the artifact."""
    out = artifact.with_name(f"{artifact.name}-show")
    out.mkdir(exist_ok=True)
    show(artifact, out)
    return out
