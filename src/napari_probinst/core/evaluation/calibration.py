"""Whether a pixel of probability p belongs to the instance in a share p of all cases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.data.flattening import exported_in_place
from napari_probinst.core.evaluation.pairing import counterparts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_probinst.core.instances import InstanceSet
    from napari_probinst.core.prediction import Prediction


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Pixels of one probability.

    Parameters
    ----------
    probability : float
        Share of the draws that contain the pixel, above 0 and up to 1.
    observed : float
        Share of these pixels that belong to the matched true instance, 0 to 1.
    n_pixels : int
        How many there are.
    """

    probability: float
    observed: float
    n_pixels: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Reliability diagram of pixel probabilities.

    Parameters
    ----------
    bins : tuple of ReliabilityBin
        One for each probability that occurs, ascending. A number of draws allows only a few.
    """

    bins: tuple[ReliabilityBin, ...]

    @property
    def n_pixels(self) -> int:
        """Number of pixels in all bins."""
        return sum(each.n_pixels for each in self.bins)

    @property
    def expected_error(self) -> float | None:
        """Expected calibration error: Σ n_b / n · |observed_b − probability_b|; None if n = 0.

        M. P. Naeini, G. F. Cooper, M. Hauskrecht, "Obtaining Well Calibrated Probabilities
        Using Bayesian Binning", AAAI 2015. Since each probability is a bin of its own, no
        width of bins has to be chosen.
        """
        n_pixels = self.n_pixels
        if not n_pixels:
            return None
        error = sum(each.n_pixels * abs(each.observed - each.probability) for each in self.bins)
        return error / n_pixels


def calibrate(images: Iterable[tuple[Prediction, InstanceSet]]) -> Calibration:
    """Compare the probabilities of pixels with how often they are right.

    Counted are the pixels that at least one draw gives to an instance, for every instance that
    is worth exporting; pixels of probability 0 are the rest of each page, and would
    drown all others. A pixel is right where the matched true instance (`counterparts`) holds
    it; for an instance without a match none is.

    Parameters
    ----------
    images : iterable of (Prediction, InstanceSet)
        Predictions with the true instances of the same image.

    Returns
    -------
    Calibration
    """
    pixels: Counter[float] = Counter()
    right: Counter[float] = Counter()
    for prediction, truth in images:
        binary = exported_in_place(prediction)
        n_draws = prediction.instances.n_draws
        for instance, shown, partner in zip(
            prediction.instances.instances,
            binary.instances,
            counterparts(binary, truth),
            strict=True,
        ):
            if not shown.mask.any():
                continue
            _tally(pixels, np.bincount(instance.counts.ravel(), minlength=n_draws + 1))
            if partner is not None:
                held = instance.counts[truth.instances[partner].crop(instance.bbox)]
                _tally(right, np.bincount(held, minlength=n_draws + 1))
    return Calibration(
        tuple(
            ReliabilityBin(probability, right[probability] / pixels[probability], number)
            for probability, number in sorted(pixels.items())
        )
    )


def _tally(pixels: Counter[float], histogram: np.ndarray[tuple[int], np.dtype[np.intp]]) -> None:
    """Add a histogram of counts, from 0 to all draws, by probability."""
    n_draws = len(histogram) - 1
    for count in np.flatnonzero(histogram[1:]) + 1:
        pixels[float(count / n_draws)] += int(histogram[count])
