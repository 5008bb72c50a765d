"""What the figures were measured on."""

from __future__ import annotations

import importlib.metadata
import platform
from datetime import UTC, datetime
from pathlib import Path

import psutil
import torch

LIBRARIES = ("torch", "transformers", "datasets", "tokenizers", "prefect", "mlflow", "numpy")


def describe() -> dict[str, str]:
    """The machine, the threads and the versions."""
    features = [name for name, there in torch.cpu.get_capabilities().items() if there is True]
    fast = [name for name in features if "bf16" in name or "amx" in name]
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": _processor(),
        "cores": str(psutil.cpu_count(logical=True)),
        "threads of torch": str(torch.get_num_threads()),
        "GPU": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "fast at": ", ".join(fast) or "fp32 only",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": platform.platform(),
        "Python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in LIBRARIES},
    }


def _processor() -> str:
    file = Path("/proc/cpuinfo")
    if file.exists():
        for line in file.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
