"""A model as an ONNX file beside its own, with the proof that both answer the same.

`torch.onnx.export` writes it, for any number of texts of any length. Then ONNX Runtime and torch
answer texts of other numbers and lengths than it was traced with, and the answers are compared.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tasks.contract import StageError
from tasks.models.files import auto_class, configuration_of

FILE = "model.onnx"
NEEDED = ("onnx", "onnxruntime", "onnxscript")
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
# The first is traced; each has texts of several lengths, so that some are padded.
TEXTS = (
    ("one text of some words", "another"),
    ("a single text",),
    ("three texts", "of which one is longer than those", "it was traced with"),
)
TOLERANCE = 1e-4  # of the largest number that a model gives, or of 1
LARGEST = 1_500_000_000  # bytes of weights inside the file, whose format ends at two gigabytes


@dataclass(frozen=True)
class OnnxModel:
    """What was written.

    Attributes:
        inputs: names of its inputs, each of shape (texts, tokens).
        outputs: names of its outputs.
        difference: the largest between its numbers and those of torch.
    """

    inputs: Sequence[str]
    outputs: Sequence[str]
    difference: float

    @property
    def words(self) -> str:
        """The same for people."""
        given, found = ", ".join(self.inputs), ", ".join(self.outputs)
        return (
            f"{FILE} reads {given} and gives {found}; it differs from torch by at most "
            f"{self.difference:.1g}"
        )


def require_onnx() -> None:
    """Check that the packages are there.

    Raises:
        StageError: with those that are missing, and how to install them.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise StageError(
            f"--onnx needs {', '.join(missing)}, which {'are' if missing[1:] else 'is'} not "
            "installed; pip install 'temper[onnx]', or in the repository "
            ".venv/bin/pip install -e '.[onnx]'"
        )


def write_onnx(folder: Path) -> OnnxModel:
    """Write the model in a folder as `model.onnx` beside it.

    Raises:
        StageError: packages are missing, the model cannot be written as ONNX, or answers otherwise.
    """
    require_onnx()
    import torch
    import transformers

    configuration = configuration_of(folder, folder.name)
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    auto = getattr(transformers, auto_class(configuration))
    model = auto.from_pretrained(folder, dtype=torch.float32, **local).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **local)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    answer = _Answering(model)
    samples = [tokenizer(list(texts), padding=True, return_tensors="pt") for texts in TEXTS]
    types = getattr(model.config, "type_vocab_size", 0) > 1
    inputs = [n for n in INPUTS if n in samples[0] and (n != "token_type_ids" or types)]
    traced, *others = [{name: sample[name] for name in inputs} for sample in samples]
    with torch.no_grad():
        outputs = list(answer(traced))
    _export(answer, traced, outputs, folder / FILE)
    difference = max(_difference(folder / FILE, answer, sample, outputs) for sample in others)
    return OnnxModel(inputs, outputs, difference)


class _Answering:
    """A model as a function of its inputs by name, to the tensors of its answer by name."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self._cache = {"use_cache": False} if hasattr(model.config, "use_cache") else {}

    def __call__(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Its answer."""
        import torch

        found = self.model(**given, return_dict=True, **self._cache)
        return {name: each for name, each in found.items() if isinstance(each, torch.Tensor)}


def _export(
    answer: _Answering, traced: Mapping[str, Any], outputs: Sequence[str], file: Path
) -> None:
    import torch

    class Traced(torch.nn.Module):
        """The model with inputs in order and outputs as a tuple."""

        def __init__(self) -> None:
            super().__init__()
            self.model = answer.model

        def forward(self, *given: Any) -> tuple[Any, ...]:
            """Its answer."""
            return tuple(answer(dict(zip(traced, given, strict=True))).values())

    shape = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                Traced().eval(),
                tuple(traced.values()),
                dynamo=True,
                dynamic_shapes=(tuple(shape for _ in traced),),
                input_names=list(traced),
                output_names=list(outputs),
                verbose=False,
            )
            size = sum(each.numel() * 4 for each in answer.model.parameters())
            assert program is not None
            program.save(str(file), external_data=size > LARGEST)
    except Exception as error:  # of the exporter, which raises many types
        said = " ".join(str(error).split())[:300]
        raise StageError(f"the model cannot be written as ONNX: {said}") from error


def _difference(
    file: Path, answer: _Answering, given: Mapping[str, Any], outputs: Sequence[str]
) -> float:
    """The largest difference between ONNX Runtime's answer and torch's.

    Raises:
        StageError: it is larger than rounding explains.
    """
    import numpy as np
    import onnxruntime
    import torch

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    found = session.run(list(outputs), {name: each.numpy() for name, each in given.items()})
    with torch.no_grad():
        wanted = [each.numpy() for each in answer(given).values()]
    apart = [float(np.abs(one - other).max()) for one, other in zip(found, wanted, strict=True)]
    largest = max(1.0, *(float(np.abs(each).max()) for each in wanted))
    if not max(apart) <= TOLERANCE * largest:
        raise StageError(
            f"the ONNX model answers otherwise than torch: numbers differ by {max(apart):.3g}; "
            "accepted: the same but for rounding"
        )
    return max(apart)
