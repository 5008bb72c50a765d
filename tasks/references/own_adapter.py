"""An adapter that was trained here, written as `peft` publishes adapters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.contract import StageError
from tasks.machinery.store.artifact import Artifact
from tasks.machinery.store.store import Store
from tasks.machinery.tracking.logged_model import model_reference
from tasks.models.files import read_weights
from tasks.references.adapters import ADAPTER, ADAPTER_WEIGHTS, PREFIX

OWN = "adapter"  # its folder in an artifact


@dataclass(frozen=True)
class OwnAdapter:
    """The adapter of a fine-tuned model.

    Attributes:
        folder: with its files.
        model: folder of the merged model.
        base: the model that it adapts, as `temper export` and `start:` accept it.
    """

    folder: Path
    model: Path
    base: str

    @classmethod
    def of(cls, made: Artifact, model: Path, reference: str, store: Store) -> OwnAdapter:
        """The adapter of a model.

        Args:
            made: the artifact of the model.
            model: its folder.
            reference: the model, for messages.
            store: with the model that it adapts.

        Raises:
            StageError: it has none.
        """
        if f"{OWN}/{ADAPTER}" not in made.files:
            raise StageError(
                f"MODEL: {reference} has no adapter: it was not tuned here by a method that trains "
                "one (lora, dora, ia3). Leave out --adapter: its weights are exported"
            )
        adapted = store.named(made.reads.get("body", ""))
        base = "" if adapted is None else str(adapted.facts.get("reference", ""))
        if adapted is not None and not base.startswith("hf:"):
            base = model_reference(adapted)
        return cls(made.path / OWN, model, base)

    @property
    def is_public(self) -> bool:
        """Whether the model that it adapts is on the Hub."""
        return self.base.startswith("hf:")

    @property
    def words(self) -> str:
        """What its reader needs to know, in one line."""
        if self.is_public:
            return f"it adapts {self.base}"
        how = f"temper export {self.base} --to BODY" if self.base else "its artifact in the store"
        return (
            f"it adapts a model that was trained here ({how}): write the path of that into "
            f"base_model_name_or_path of {ADAPTER}"
        )

    def write(self, to: Path) -> None:
        """Write its configuration and weights into a folder.

        Its head is that of the merged model, which may answer in another unit than was learnt.
        """
        from safetensors.torch import load_file, save_file

        written: dict[str, Any] = json.loads((self.folder / ADAPTER).read_text(encoding="utf-8"))
        if self.is_public:
            name, _, revision = self.base.removeprefix("hf:").partition("@")
            written |= {"base_model_name_or_path": name, "revision": revision or None}
        (to / ADAPTER).write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
        merged = read_weights(self.model)
        final = {
            name: merged.get(name.removeprefix(PREFIX), tensor)
            for name, tensor in load_file(self.folder / ADAPTER_WEIGHTS).items()
        }
        save_file(final, to / ADAPTER_WEIGHTS, metadata={"format": "pt"})
