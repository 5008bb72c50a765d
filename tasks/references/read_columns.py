"""How the columns were called that a model was trained on, by their roles."""

from __future__ import annotations

from tasks.machinery.store.artifact import Artifact, Input
from tasks.machinery.store.store import Store

_COLUMNS = "data.columns."  # in the key of a data set
_OF_CORPUS = "corpus.text_column"  # in the key of a corpus
# What leads from a model to its rows, or to its corpus; the best is the first.
_ROLES = ("data", "tokens", "train")


def columns_read(model: Input, store: Store) -> dict[str, str]:
    """The column of each role in the rows that a model was fine-tuned on.

    Of a model that was only pre-trained, that of the text in its corpus. It is empty of a model
    that was made elsewhere, or whose data are no longer in the store.
    """
    artifact: Artifact | None = model.artifact
    while artifact is not None:
        part = artifact.key.get("part", {})
        if artifact.stage == "dataset":
            given = {n: c for n, c in part.items() if n.startswith(_COLUMNS) and c}
            return {name.removeprefix(_COLUMNS): str(column) for name, column in given.items()}
        if artifact.stage == "corpus":
            return {"text": str(part[_OF_CORPUS])} if _OF_CORPUS in part else {}
        named = next((artifact.reads[role] for role in _ROLES if role in artifact.reads), "")
        artifact = store.named(named)
    return {}
