"""What a step of a training frees, the next one takes: without asking the system for it again.

glibc gives every large block back to the system as soon as it is freed, and each page of the next
one costs a fault, slow in a virtual machine: a tenth to a quarter of a step here. Kept instead
(mallopt(3): no block is mapped on its own, nothing is trimmed), the peak of a step is what the
process holds until the training ends. New memory comes in large pages where the system has them:
one fault for 2 MB instead of 512. Elsewhere than on glibc nothing is changed.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import sys
from collections.abc import Iterator

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
NEVER, ANY = -1, 65_536
TRIM_DEFAULT, TRIM_ALL = 128 * 1024, 0
HEAP = 4 * 2**30  # bytes of addresses, not of memory


@contextlib.contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Keep what is freed while the block runs, and give it back afterwards."""
    libc = _glibc()
    if libc is None:
        yield
        return
    libc.mallopt(M_MMAP_MAX, 0)
    libc.mallopt(M_TRIM_THRESHOLD, NEVER)
    _take_large_pages(libc)
    try:
        yield
    finally:
        libc.mallopt(M_MMAP_MAX, ANY)
        libc.mallopt(M_TRIM_THRESHOLD, TRIM_DEFAULT)
        libc.malloc_trim(TRIM_ALL)


def _take_large_pages(libc: ctypes.CDLL) -> None:
    """Let the heap of the main thread grow in large pages: madvise(2), for addresses not yet used.

    torch asks for them too (`THP_MEM_ALLOC_ENABLE`), but only for tensors of 2 MB and more. Where
    the system does not grant so many addresses, small pages it is.
    """
    advice = getattr(mmap, "MADV_HUGEPAGE", None)
    if advice is None or sys.maxsize < HEAP:
        return
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    block = libc.malloc(HEAP)
    if block:
        begin = -(-block // mmap.PAGESIZE) * mmap.PAGESIZE
        libc.madvise(begin, block + HEAP - begin, advice)
        libc.free(block)


def _glibc() -> ctypes.CDLL | None:
    """The C library of this process, if it is glibc."""
    try:
        libc = ctypes.CDLL(None)
    except (OSError, TypeError):
        return None
    return libc if hasattr(libc, "mallopt") and hasattr(libc, "malloc_trim") else None
