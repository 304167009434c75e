"""How the processors of a machine are shared out among processes."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: What the libraries of matrix products read when they are loaded.
_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def thread_limits(n_processes: int) -> dict[str, str]:
    """Environment that gives each of several processes its share of this one's threads."""
    share = max(torch.get_num_threads() // n_processes, 1)
    return dict.fromkeys(_VARIABLES, str(share))


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Environment of the processes that are started in the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
