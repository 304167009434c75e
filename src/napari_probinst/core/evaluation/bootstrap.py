"""Confidence intervals by drawing images anew, with replacement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

#: Share of the resamples whose score lies inside the interval.
LEVEL = 0.95

#: Lower and upper bound.
Interval = tuple[float, float]


def bootstrap_intervals(
    statistics: Callable[[NDArray[np.intp]], Mapping[str, float]],
    n_images: int,
    *,
    n_resamples: int,
    seed: int,
) -> dict[str, Interval]:
    """Percentile intervals of several statistics of the images.

    B. Efron, "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7, 1979,
    doi:10.1214/aos/1176344552. Images are what is drawn, since instances of one image are not
    independent. All statistics see the same resamples.

    Parameters
    ----------
    statistics : callable
        Named scores of the images with these indices, of shape (n_images,), which may repeat.
    n_images : int
        Number of images.
    n_resamples : int
        How often to draw.
    seed : int
        Of the generator.

    Returns
    -------
    dict of str to (float, float)
        The 2.5 and 97.5 % quantiles of each statistic where it is defined; empty for fewer
        than two images, which say nothing about the spread.
    """
    if n_images < 2:
        return {}
    generator = np.random.default_rng(seed)
    values: dict[str, list[float]] = {}
    for _ in range(n_resamples):
        for name, value in statistics(generator.integers(n_images, size=n_images)).items():
            values.setdefault(name, []).append(value)
    tail = (1 - LEVEL) / 2
    return {
        name: (float(low), float(high))
        for name, column in values.items()
        for low, high in [np.nanquantile(column, [tail, 1 - tail])]
    }
