from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from napari_probinst.core.network.memory import _VARIABLES, keep_freed_memory

_PROGRAM = """
import resource, sys
import torch
from napari_probinst.core.config import NetworkConfig
from napari_probinst.core.network.memory import keep_freed_memory
from napari_probinst.core.network.unet import UNet

if sys.argv[1] == "keep":
    assert keep_freed_memory()
torch.set_num_threads(1)
network = UNet(NetworkConfig(levels=3)).eval().requires_grad_(False)
image = torch.zeros(1, 4, 512, 512)
network(image)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    network(image)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="an option of glibc")
def test_blocks_are_used_again_without_asking_the_system(monkeypatch):
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)

    def faults(mode):
        command = [sys.executable, "-c", _PROGRAM, mode]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert faults("keep") < 0.3 * faults("leave")


_IN_A_THREAD = """
import ctypes, resource, sys, threading
from napari_probinst.core.network.memory import keep_freed_memory

library = ctypes.CDLL(None)
library.malloc.argtypes, library.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
library.free.argtypes = [ctypes.c_void_p]
SIZES = [mebibytes << 20 for mebibytes in (30, 20, 40)]

def use():
    blocks = [library.malloc(size) for size in SIZES]
    for block, size in zip(blocks, SIZES):
        ctypes.memset(block, 1, size)
    for block in blocks:
        library.free(block)

def count():
    if sys.argv[1] == "keep":
        assert keep_freed_memory()
    use()
    use()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        use()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

thread = threading.Thread(target=count)
thread.start()
thread.join()
"""


def test_threads_other_than_the_first_use_their_blocks_again_too(monkeypatch):
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)

    def faults(mode):
        command = [sys.executable, "-c", _IN_A_THREAD, mode]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    if platform.libc_ver()[0] == "glibc":
        assert faults("keep") < 0.1 * faults("leave")


def test_the_users_own_settings_stay(monkeypatch):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
    assert not keep_freed_memory()
