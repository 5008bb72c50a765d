"""What Prefect shows of a stage has the sheets of its pictures in it."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tasks.machinery.execution import prefect_results


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are given to Prefect."""
    texts: list[str] = []
    monkeypatch.setattr(
        prefect_results, "create_markdown_artifact", lambda text, **_: texts.append(text)
    )
    return texts


def test_a_sheet_of_pictures_is_in_the_page_and_small(shown: list[str], tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
    Image.fromarray(noise).resize((1800, 1200)).save(tmp_path / "pictures.png")
    (tmp_path / "gain.png").write_bytes((tmp_path / "pictures.png").read_bytes())
    artifact: Any = SimpleNamespace(pages=tmp_path)
    prefect_results.show_card(artifact, "evaluation x", "")
    assert not shown, "there is no page"
    (tmp_path / "card.md").write_text("# Evaluation\n")
    prefect_results.show_card(artifact, "evaluation x", "http://x")
    [text] = shown
    assert text.startswith("[Run in MLflow](http://x)\n\n# Evaluation\n")
    [written] = re.findall(r"!\[pictures.png\]\(data:image/jpeg;base64,([^)]+)\)", text)
    with Image.open(io.BytesIO(base64.b64decode(written))) as image:
        assert image.size == (900, 600)
    assert len(text) < 400_000
