"""Memory that a training frees is taken again without a page fault, and given back at its end."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tasks import allocation
from tasks.allocation import freed_memory_kept
from tests.conftest import ROOT


def _large_pages():
    """What the system says of large pages: the word in brackets holds."""
    told = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    return told.read_text() if told.exists() else "[never]"


FAULTS = """
import contextlib, resource, sys
import torch
from tasks.allocation import freed_memory_kept

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        torch.zeros(16, 1024, 1024)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

with freed_memory_kept() if sys.argv[1] == "kept" else contextlib.nullcontext():
    torch.zeros(16, 1024, 1024)
    found, held = faults(), resident()
print(found, held - resident())
"""


@pytest.mark.skipif(allocation._glibc() is None, reason="no glibc")
def test_blocks_are_taken_again_without_faults_and_given_back_at_the_end():
    def told(how):
        done = subprocess.run(
            [sys.executable, "-c", FAULTS, how],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        return [int(word) for word in done.stdout.split()]

    plain, _ = told("plain")
    kept, given_back = told("kept")
    assert kept < plain / 10
    assert given_back > 0.9 * 16 * 2**20 * 4


LARGE_PAGES = """
import ctypes
from tasks.allocation import freed_memory_kept

def in_large_pages():
    heap = open("/proc/self/smaps").read().partition("[heap]")[2]
    return int(heap.partition("AnonHugePages:")[2].split()[0]) * 1024

end_of_heap = ctypes.CDLL(None).sbrk
end_of_heap.restype, end_of_heap.argtypes = ctypes.c_void_p, [ctypes.c_ssize_t]
with freed_memory_kept():
    begun = end_of_heap(0)
    blocks = [bytearray(2**20) for _ in range(64)]
    found = in_large_pages()
    del blocks
    kept = end_of_heap(0) >= begun
print(found, int(kept))
"""


@pytest.mark.skipif(allocation._glibc() is None, reason="no glibc")
@pytest.mark.skipif("[never]" in _large_pages(), reason="no large pages here")
def test_new_memory_comes_in_large_pages():
    command = [sys.executable, "-c", LARGE_PAGES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found, kept = map(int, done.stdout.split())
    assert found > 0.8 * 64 * 2**20
    assert kept


def test_elsewhere_than_on_glibc_nothing_is_changed(monkeypatch):
    monkeypatch.setattr(allocation, "_glibc", lambda: None)
    with freed_memory_kept():
        assert torch.ones(3).sum() == 3
