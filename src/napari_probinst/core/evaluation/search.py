"""Search for the settings with the highest score: a coarse grid, then small steps uphill."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from napari_probinst.core.config import InferenceConfig

#: Digits of a bandwidth or threshold: more would be noise, and harder to read in a header.
_DIGITS = 3


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """What the search tries, relative to the settings it starts from and to the objects.

    The clustering threshold is free of the bandwidth: one decides which modes are one, the
    other how far a pixel may lie from its mode.

    Parameters
    ----------
    bandwidths : tuple of float
        Multiples of the first bandwidth.
    thresholds : tuple of float
        Multiples of the bandwidth, for the clustering threshold.
    min_sizes : tuple of float
        Shares of the objects' median area.
    probabilities : tuple of float
        Least probabilities of a binary instance's pixels.
    steps : tuple of float
        Factors by which bandwidth and threshold are changed in the end, one after the other.
    """

    bandwidths: tuple[float, ...] = (0.5, 0.75, 1.0, 1.5, 2.0)
    thresholds: tuple[float, ...] = (1.0, 1.5, 2.2, 3.0)
    min_sizes: tuple[float, ...] = (0.03, 0.1, 0.2, 0.3, 0.45, 0.6)
    probabilities: tuple[float, ...] = (0.375, 0.5, 0.625, 0.75, 0.875)
    steps: tuple[float, ...] = (1.25, 1.1)

    def thresholds_of(self, n_draws: int, first: float) -> tuple[float, ...]:
        """Probability thresholds that differ with so many draws, and the first one."""
        steps = {max(math.ceil(p * n_draws - 1e-9), 1) for p in self.probabilities}
        first_step = max(math.ceil(first * n_draws - 1e-9), 1)
        return (first, *(step / n_draws for step in sorted(steps - {first_step})))


def search(
    score: Callable[[InferenceConfig], float],
    start: InferenceConfig,
    *,
    area: float,
    n_draws: int,
    space: SearchSpace,
) -> InferenceConfig:
    """Find settings with a high score.

    Bandwidths and clustering thresholds are tried together on a coarse grid, then minimum
    sizes, then neighbours of the best bandwidth and threshold as long as one is better. All
    are tried with each probability threshold. Of equal scores the first stays, so that the
    result is always the same and no setting is changed for nothing.

    Parameters
    ----------
    score : callable
        Score of settings; the higher the better. Asked for the same ones more than once.
    start : InferenceConfig
        Tried first; what is not searched for stays as it is here.
    area : float
        Median area of the objects, pixels.
    n_draws : int
        Number of draws.
    space : SearchSpace
        What to try.
    """
    probabilities = space.thresholds_of(n_draws, start.probability_threshold)

    def best(candidates: Iterable[InferenceConfig]) -> InferenceConfig:
        return max(
            (
                candidate.model_copy(update={"probability_threshold": probability})
                for candidate in candidates
                for probability in _first(candidate.probability_threshold, probabilities)
            ),
            key=score,
        )

    found = best([start, *_grid(start, space)])
    sizes = (round(share * area) for share in space.min_sizes)
    found = best([found, *(found.model_copy(update={"min_size": size}) for size in sizes)])
    for step in space.steps:
        while True:
            better = best([found, *_neighbours(found, step)])
            if better == found:
                break
            found = better
    return found


def _grid(start: InferenceConfig, space: SearchSpace) -> Iterator[InferenceConfig]:
    for factor, ratio in product(space.bandwidths, space.thresholds):
        bandwidth = _rounded(factor * start.bandwidth)
        yield start.model_copy(
            update={"bandwidth": bandwidth, "cluster_threshold": _rounded(ratio * bandwidth)}
        )


def _neighbours(settings: InferenceConfig, step: float) -> Iterator[InferenceConfig]:
    for name in ("bandwidth", "cluster_threshold"):
        for factor in (step, 1 / step):
            value = _rounded(factor * getattr(settings, name))
            yield settings.model_copy(update={name: value})


def _first(value: float, values: tuple[float, ...]) -> tuple[float, ...]:
    """Values with this one before the others."""
    return (value, *(other for other in values if other != value))


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
