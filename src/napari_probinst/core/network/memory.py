"""Memory for tensors that are made and freed again and again."""

from __future__ import annotations

import ctypes
import os
import platform

_MIB = 2**20
#: Blocks up to this size come from the heap, of which up to this much stays when it is freed.
#: Larger ones, such as pages of a slide scan, go back to the system as before.
_LARGEST_BLOCK, _MOST_KEPT = 128 * _MIB, 512 * _MIB
#: Threads other than the first have heaps of 64 MiB each, and an empty one is given back whatever
#: may stay, unless so much is to be left at the end: then none ever is. What is reserved takes
#: no memory before it is used.
_RESERVED = 64 * _MIB
#: Names of the options in glibc's malloc.h, and of the variables that set them.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD = -1, -2, -3
_VARIABLES = (
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_TOP_PAD_",
    "GLIBC_TUNABLES",
)


def keep_freed_memory() -> bool:
    """Let the process keep what it frees instead of giving it back to the system at once.

    glibc asks the system for each large block and returns it afterwards, and the system clears
    every page of it anew: a quarter of the time of a prediction on a CPU. It holds for all
    threads, those that run already too.

    Returns
    -------
    bool
        Whether it could be set: the C library is glibc, and the user's environment doesn't
        set it otherwise.
    """
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in _VARIABLES):
        return False
    library = ctypes.CDLL(None)
    wanted = (
        (_MMAP_THRESHOLD, _LARGEST_BLOCK),
        (_TRIM_THRESHOLD, _MOST_KEPT),
        (_TOP_PAD, _RESERVED),
    )
    return all(library.mallopt(option, value) == 1 for option, value in wanted)
