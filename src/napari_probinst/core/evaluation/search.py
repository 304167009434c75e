"""Search for the settings with the highest score on a grid.

Small steps uphill from the best places of a grid were tried: on the few images that one has to
choose on, they mostly find what suits these by accident (docs/tuning.md).
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
        Shares of the objects' median area: what is a fragment decides which bandwidths are good.
    probabilities : tuple of float
        Least probabilities of a binary instance's pixels.
    """

    bandwidths: tuple[float, ...] = (0.5, 0.63, 0.79, 1.0, 1.26, 1.58, 2.0)
    thresholds: tuple[float, ...] = (1.0, 1.5, 2.2, 3.0)
    min_sizes: tuple[float, ...] = (0.1, 0.3, 0.45, 0.6)
    probabilities: tuple[float, ...] = (0.375, 0.5, 0.625, 0.75, 0.875)

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
    """Find the settings of a grid with the highest score.

    Bandwidths, clustering thresholds, minimum sizes and probability thresholds are tried in all
    combinations. Of equal scores the first stays, so that the result is always the same and no
    setting is changed for nothing.

    Parameters
    ----------
    score : callable
        Score of settings; the higher the better.
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

    tried = (
        settings.model_copy(update={"probability_threshold": probability})
        for settings in (start, *_grid(start, space, area))
        for probability in probabilities
    )
    return max(tried, key=score)


def _grid(start: InferenceConfig, space: SearchSpace, area: float) -> Iterator[InferenceConfig]:
    sizes = [round(share * area) for share in space.min_sizes] or [start.min_size]
    for factor, ratio, size in product(space.bandwidths, space.thresholds, sizes):
        bandwidth = _rounded(factor * start.bandwidth)
        threshold = _rounded(ratio * bandwidth)
        yield start.model_copy(
            update={"bandwidth": bandwidth, "cluster_threshold": threshold, "min_size": size}
        )


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
