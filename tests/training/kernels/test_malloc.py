"""Memory that a training frees is reused without page faults, and returned at its end."""

import subprocess
import sys

import pytest
import torch

from tasks.training.kernels import malloc as allocation
from tasks.training.kernels.malloc import freed_memory_kept
from tests.conftest import ROOT

FAULTS = """
import contextlib, resource, sys
import torch
from tasks.training.kernels.malloc import freed_memory_kept

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        torch.zeros(16, 1024, 1024)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

with freed_memory_kept() if sys.argv[1] == "kept" else contextlib.nullcontext():
    # A block is aligned, and what is cut off for that goes to the cache of its thread, which holds
    # seven of a size. Until it is full, a freed block is too small for the next one of its size.
    for _ in range(25):
        torch.zeros(16, 1024, 1024)
    found, held = faults(), resident()
print(found, held - resident())
"""


@pytest.mark.slow
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


END_OF_HEAP = """
import ctypes
from tasks.training.kernels.malloc import freed_memory_kept

libc = ctypes.CDLL(None)
libc.sbrk.restype, libc.sbrk.argtypes = ctypes.c_void_p, [ctypes.c_ssize_t]
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]
with freed_memory_kept():
    block = libc.malloc(3 * 2**30)  # never touched: addresses only
    before = libc.sbrk(0)
    libc.free(block)
    print(int(bool(block)), before - libc.sbrk(0))
"""


@pytest.mark.skipif(allocation._glibc() is None, reason="no glibc")
def test_more_than_two_gigabytes_are_kept_too():
    command = [sys.executable, "-c", END_OF_HEAP]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    granted, given_back = map(int, done.stdout.split())
    if not granted:
        pytest.skip("this machine does not grant so many addresses")
    assert given_back == 0


def test_elsewhere_than_on_glibc_nothing_is_changed(monkeypatch):
    monkeypatch.setattr(allocation, "_glibc", lambda: None)
    with freed_memory_kept():
        assert torch.ones(3).sum() == 3
