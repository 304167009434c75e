"""A stage's time and least work, and what the machine can do at best."""

from __future__ import annotations

import cProfile
import pstats
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

#: A stage that takes so many times its floor is bound by neither operations nor memory.
NEITHER = 10.0


@dataclass(frozen=True, slots=True)
class Peaks:
    """What the machine can do at best.

    Parameters
    ----------
    network, float32 : float
        Operations a second in the network's precision, and in float32.
    bandwidth : float
        Bytes read or written a second.
    """

    network: float
    float32: float
    bandwidth: float


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage takes for all draws together, and what it has to do.

    Parameters
    ----------
    name : str
        What it does.
    calls : int
        How often in a prediction.
    seconds : float
        Time of all calls.
    operations, n_bytes : float
        Least work of all calls.
    profile : str
        Where the time goes.
    is_network : bool
        Whether it computes in the network's precision.
    """

    name: str
    calls: int
    seconds: float
    operations: float
    n_bytes: float
    profile: str = ""
    is_network: bool = False

    def floor(self, peaks: Peaks) -> float:
        """Least time, seconds."""
        return max(self._computing(peaks), self.n_bytes / peaks.bandwidth)

    def bound(self, peaks: Peaks) -> str:
        """What keeps it from being quicker."""
        if self.seconds > NEITHER * self.floor(peaks):
            return "neither"
        computing = self._computing(peaks)
        return "operations" if computing > self.n_bytes / peaks.bandwidth else "memory"

    def _computing(self, peaks: Peaks) -> float:
        return self.operations / (peaks.network if self.is_network else peaks.float32)


def measure_peaks(*, bfloat16: bool, size: int = 2048, n_bytes: int = 2**28) -> Peaks:
    """Rates of a product of matrices and of a copy, the best of several."""

    def rate(kind: torch.dtype) -> float:
        matrix = torch.rand(size, size).to(kind)
        return 2 * size**3 / min(times(lambda: torch.mm(matrix, matrix), 5))

    source = torch.ones(n_bytes, dtype=torch.uint8)
    target = torch.empty_like(source)
    # Every byte is read once and written once.
    bandwidth = 2 * n_bytes / min(times(lambda: target.copy_(source), 5))
    float32 = rate(torch.float32)
    return Peaks(rate(torch.bfloat16) if bfloat16 else float32, float32, bandwidth)


def profile_of(work: Callable[[], Any], n: int = 3) -> str:
    """Functions that most of the time is spent in, themselves, with their shares."""
    profiler = cProfile.Profile()
    profiler.runcall(work)
    own = {key: each[2] for key, each in pstats.Stats(profiler).stats.items()}  # type: ignore[attr-defined]
    total = sum(own.values())
    first = sorted(own, key=lambda key: -own[key])[:n]
    return ", ".join(f"{_function(key[2])} {own[key] / total:.0%}" for key in first)


def _function(name: str) -> str:
    """Name of a function as a profile tells it, without its decoration."""
    plain = name.removeprefix("<").removesuffix(">").removeprefix("built-in method ")
    return f"`{plain.removeprefix('builtins.')}`"


def times(work: Callable[[], Any], n: int) -> list[float]:
    """Times of ``n`` calls after a warm one, seconds."""
    work()
    found = []
    for _ in range(n):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return found
