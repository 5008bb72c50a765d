"""What a step of a training frees, the next one takes: without asking the system for it again.

glibc gives every large block back to the system as soon as it is freed, and each page of the next
one costs a fault, slow in a virtual machine: a tenth to a quarter of a step here. Kept instead
(mallopt(3): no block is mapped on its own, nothing is trimmed), the peak of a step is what the
process holds until the training ends. Elsewhere than on glibc nothing is changed.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Iterator

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
NEVER, ANY = -1, 65_536
TRIM_DEFAULT, TRIM_ALL = 128 * 1024, 0


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep what is freed while the block runs, and give it back afterwards."""
    libc = _glibc()
    if libc is None:
        yield
        return
    libc.mallopt(M_MMAP_MAX, 0)
    libc.mallopt(M_TRIM_THRESHOLD, NEVER)
    try:
        yield
    finally:
        libc.mallopt(M_MMAP_MAX, ANY)
        libc.mallopt(M_TRIM_THRESHOLD, TRIM_DEFAULT)
        libc.malloc_trim(TRIM_ALL)


def _glibc() -> ctypes.CDLL | None:
    """The C library of this process, if it is glibc."""
    try:
        libc = ctypes.CDLL(None)
    except (OSError, TypeError):
        return None
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
