"""Search for the settings with the highest score: a coarse grid, then small steps uphill.

The score of few images is rough, and its best place on a coarse grid often stands at the foot of
a lower hill. So the climb begins from several places.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
        Shares of the objects' median area, tried with all bandwidths and thresholds: what is a
        fragment decides which of them are good.
    probabilities : tuple of float
        Least probabilities of a binary instance's pixels.
    steps : tuple of float
        Factors by which bandwidth, threshold and minimum size are changed in the end, one after
        the other.
    n_starts : int
        Places of the grid that this begins from, the best ones.
    """

    bandwidths: tuple[float, ...] = (0.5, 0.75, 1.0, 1.5, 2.0)
    thresholds: tuple[float, ...] = (1.0, 1.5, 2.2, 3.0)
    min_sizes: tuple[float, ...] = (0.1, 0.3, 0.6)
    probabilities: tuple[float, ...] = (0.375, 0.5, 0.625, 0.75, 0.875)
    steps: tuple[float, ...] = (1.25, 1.1)
    n_starts: int = 3

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

    Bandwidths, clustering thresholds and minimum sizes are tried together on a coarse grid. From
    each of its best places, neighbours are tried as long as one is better. All are tried with each
    probability threshold. Of equal scores the first stays, so that the result is always the same
    and no setting is changed for nothing.

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

    def with_probability(settings: InferenceConfig) -> InferenceConfig:
        """The same with the best probability threshold."""
        return max(
            (
                settings.model_copy(update={"probability_threshold": probability})
                for probability in _first(settings.probability_threshold, probabilities)
            ),
            key=score,
        )

    def climbed(found: InferenceConfig) -> InferenceConfig:
        for step in space.steps:
            while True:
                around = map(with_probability, _neighbours(found, step))
                better = max((found, *around), key=score)
                if better == found:
                    break
                found = better
        return found

    tried = map(with_probability, (start, *_grid(start, space, area)))
    # Of those that differ in the minimum size alone, which are one place, the best.
    best: dict[tuple[float, float], InferenceConfig] = {}
    for settings in sorted(tried, key=score, reverse=True):
        best.setdefault((settings.bandwidth, settings.cluster_threshold), settings)
    return max(map(climbed, list(best.values())[: space.n_starts]), key=score)


def _grid(start: InferenceConfig, space: SearchSpace, area: float) -> Iterator[InferenceConfig]:
    sizes = [round(share * area) for share in space.min_sizes] or [start.min_size]
    for factor, ratio, size in product(space.bandwidths, space.thresholds, sizes):
        bandwidth = _rounded(factor * start.bandwidth)
        threshold = _rounded(ratio * bandwidth)
        yield start.model_copy(
            update={"bandwidth": bandwidth, "cluster_threshold": threshold, "min_size": size}
        )


def _neighbours(settings: InferenceConfig, step: float) -> Iterator[InferenceConfig]:
    for factor in (step, 1 / step):
        yield settings.model_copy(update={"bandwidth": _rounded(factor * settings.bandwidth)})
        threshold = _rounded(factor * settings.cluster_threshold)
        yield settings.model_copy(update={"cluster_threshold": threshold})
        yield settings.model_copy(update={"min_size": round(factor * settings.min_size)})


def _first(value: float, values: tuple[float, ...]) -> tuple[float, ...]:
    """Values with this one before the others."""
    return (value, *(other for other in values if other != value))


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
