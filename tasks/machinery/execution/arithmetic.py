"""What the last bits of a result depend on beside its key: threads, kernels, and their precision.

Sums over several threads are added up in another order, and a processor with other instructions
gets other kernels. None of that is in the key: a store that moves to another machine still hits. So
it is recorded with the artifact. A training that resumes keeps the threads and the precision that
it began with; kernels cannot be chosen in a process that runs, so a change of them is reported.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from tasks.contract import Monitor
from tasks.machinery.host.files import write_atomically
from tasks.machinery.store.checkpoints import newest_checkpoint

FILE = "arithmetic.json"  # beside the checkpoints of a training
# Variables that choose kernels, their precision, or how work is divided among threads. Not KMP_…,
# which libraries set themselves when they are imported.
VARIABLES = (
    *("ATEN_CPU_CAPABILITY", "MKL_", "ONEDNN_", "DNNL_", "OMP_"),
    *("NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "CUBLAS_WORKSPACE_CONFIG"),
)
_VECTORS = ("amx", "avx", "fma", "sve", "bf16", "i8mm")  # beginnings of names of instructions
_HELD = ("threads", "float32_products")


@dataclass(frozen=True)
class Arithmetic:
    """How this process computes.

    Attributes:
        threads: of torch, in an operation.
        kernels: the instructions that torch's own kernels use, such as AVX512.
        float32_products: the precision of products in fp32: highest, high or medium.
        processor: its name, its vector instructions and its second-level cache, by which
            oneDNN chooses its kernels.
        kernel_variables: those of VARIABLES that are set.
    """

    threads: int
    kernels: str
    float32_products: str
    processor: str
    kernel_variables: str

    @classmethod
    def now(cls) -> Arithmetic:
        """Of this process, after all that its environment says."""
        import torch

        found = torch.cpu.get_capabilities()
        vectors = sorted(name for name, has in found.items() if has and name.startswith(_VECTORS))
        named = [str(found.get("cpu_name", "")), f"L2 {found.get('l2_cache_size', 0)} B", *vectors]
        # The number of threads is resolved above.
        chosen = {k: v for k, v in os.environ.items() if k.startswith(VARIABLES) and v}
        chosen = {k: v for k, v in chosen.items() if not k.endswith("NUM_THREADS")}
        return cls(
            threads=torch.get_num_threads(),
            kernels=torch.backends.cpu.get_cpu_capability(),
            float32_products=torch.get_float32_matmul_precision(),
            processor=" ".join(filter(None, named)),
            kernel_variables=" ".join(f"{name}={value}" for name, value in sorted(chosen.items())),
        )

    def hold(self) -> None:
        """Compute with this number of threads and this precision from now on."""
        import torch

        torch.set_num_threads(self.threads)
        torch.set_float32_matmul_precision(self.float32_products)

    def differences(self, other: Arithmetic) -> list[str]:
        """The attributes in which another one differs."""
        return [f.name for f in fields(self) if getattr(self, f.name) != getattr(other, f.name)]


@contextlib.contextmanager
def arithmetic_kept(monitor: Monitor, checkpoints: Path | None) -> Iterator[None]:
    """Record how the block computes; a training that resumes computes as it began.

    Args:
        monitor: receives the facts, and what could not be kept.
        checkpoints: the folder of the checkpoints of a training; None if it writes none.
    """
    process = used = Arithmetic.now()
    changed: list[str] = []
    begun = _read(checkpoints / FILE) if checkpoints and newest_checkpoint(checkpoints) else None
    if begun is not None:
        before, changed = begun
        now = process.differences(before)
        held = [name for name in now if name in _HELD]
        changed = sorted({*changed, *now} - {*_HELD})
        used = Arithmetic(**asdict(process) | {name: getattr(before, name) for name in _HELD})
        _report(monitor, before, process, held, [name for name in now if name not in _HELD])
    if checkpoints is not None:
        checkpoints.mkdir(parents=True, exist_ok=True)
        start = begun[0] if begun else used
        write_atomically(checkpoints / FILE, {"begun": asdict(start), "changed": changed})
    facts = {name: value for name, value in asdict(used).items() if value != ""}
    monitor.note(**facts, **({"changed_on_resume": ", ".join(changed)} if changed else {}))
    used.hold()
    try:
        yield
    finally:
        process.hold()


def _report(
    monitor: Monitor, before: Arithmetic, now: Arithmetic, held: list[str], changed: list[str]
) -> None:
    for name in held:
        monitor.say(
            f"{name}: {getattr(before, name)}, as before the interruption (otherwise "
            f"{getattr(now, name)} here), so that the bits are the same"
        )
    if changed:
        shown = "; ".join(
            f"{name}: {getattr(before, name) or 'none'} before, {getattr(now, name) or 'none'} now"
            for name in changed
        )
        monitor.say(
            f"Warning: the training resumes with other kernels ({shown}): it may end with other "
            "last bits than without the interruption"
        )


def _read(file: Path) -> tuple[Arithmetic, list[str]] | None:
    """How the training began, and what changed since; None where that is not known."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        return Arithmetic(**found["begun"]), [str(name) for name in found["changed"]]
    except (OSError, ValueError, TypeError, KeyError):
        return None
