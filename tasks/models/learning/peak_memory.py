"""The most memory that a training had at once: of the GPU, or of this process.

Linux keeps the peak of a process, and sets it back when `5` is written to `clear_refs` (proc(5)).
Other work of the same process counts too.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import torch

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def forget_peak() -> None:
    """Look at the peak from now on."""
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    else:
        with contextlib.suppress(OSError):
            _RESET.write_text("5")


def peak_bytes() -> int | None:
    """Bytes at the peak since `forget_peak`; None where the system does not report it."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    with contextlib.suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    return None
