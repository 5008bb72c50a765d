"""The variables of launchers (torchrun, `accelerate launch`, Kubeflow, MPI), hidden from libraries.

A training here is one process on one device, and an experiment says how it is computed. From these
variables `accelerate` would read that it is one of several processes, or which precision, compiler
and accumulation to use, and wrap the model accordingly.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from tasks.contract import Monitor

NAMES = frozenset(
    {
        *("WORLD_SIZE", "RANK", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK"),
        *("GROUP_WORLD_SIZE", "ROLE_RANK", "ROLE_WORLD_SIZE", "ROLE_NAME", "MASTER_ADDR"),
        *("MASTER_PORT", "PMI_SIZE", "PMI_RANK", "FORK_LAUNCHED"),
        *("XLA_USE_BF16", "XLA_DOWNCAST_BF16"),
    }
)
PREFIXES = (
    *("ACCELERATE_", "FSDP_", "FP8_", "MEGATRON_LM_", "PARALLELISM_CONFIG_", "TORCHELASTIC_"),
    *("OMPI_COMM_WORLD_", "MV2_COMM_WORLD_"),
)

_reported: set[str] = set()


@contextlib.contextmanager
def hidden(monitor: Monitor) -> Iterator[None]:
    """Hide these variables while the block runs, and report those that are set, once a process."""
    before = {name: os.environ[name] for name in _present()}
    for name in before:
        del os.environ[name]
    if before:
        monitor.note(environment_ignored=", ".join(sorted(before)))
    if new := sorted(before.keys() - _reported):
        _reported.update(new)
        shown = ", ".join(f"{name}={before[name]}" for name in new[:4])
        more = f" and {len(new) - 4} more" if len(new) > 4 else ""
        monitor.say(
            f"{shown}{more} in the environment have no effect: one process trains on one device, "
            "as the experiment says"
        )
    try:
        yield
    finally:
        for name in _present():  # accelerate sets some itself
            del os.environ[name]
        os.environ.update(before)


def _present() -> list[str]:
    return [name for name in os.environ if name in NAMES or name.startswith(PREFIXES)]
