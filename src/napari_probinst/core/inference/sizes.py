"""Doubt that the draws can't have: an instance far larger than the others may be several.

Where all draws see two touching objects as one there is no entropy. In an image of objects of
one kind the size gives such a merge away.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.inference.place import instances_at, views_at
from napari_probinst.core.inference.votes import votes_in_words
from napari_probinst.core.instances import Peak
from napari_probinst.core.patch_grid import middle_patch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.instances import ProbabilisticInstances

#: Beyond the upper quartile by this many interquartile ranges a size is an outlier: Tukey's
#: fence (J. W. Tukey, "Exploratory Data Analysis", 1977).
FENCE = 1.5
#: Where sizes hardly differ, an outlier still has to be this many times the median.
LEAST_RATIO = 1.25
#: Worth of a surplus pixel in nats: it is taken to be wrong, one of entropy ln 2 to be wrong
#: every other time.
SURPLUS_DOUBT = 2 * math.log(2)


def surplus(areas: NDArray[np.int64]) -> NDArray[np.float64]:
    """Pixels by which outliers among the instances of one image exceed the median.

    Parameters
    ----------
    areas : ndarray of int64, shape (n,)
        Pixels of each instance; those of 0 pixels are no instances.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 where the size is no outlier; all 0 where there are fewer than three instances.
    """
    seen = areas[areas > 0]
    if len(seen) < 3:
        return np.zeros(len(areas))
    lower, median, upper = np.quantile(seen, [0.25, 0.5, 0.75])
    fence = max(upper + FENCE * (upper - lower), LEAST_RATIO * median)
    return np.where(areas > fence, areas - median, 0.0)


def doubt_sizes(
    peaks: Sequence[Peak],
    instances: ProbabilisticInstances,
    patch: int,
    threshold: float,
    existence: float = 0.0,
) -> list[Peak]:
    """Add the doubt about instances that are far too large to the peaks of an image.

    Of the peaks that an instance is involved in, the one with the largest mass gets
    `SURPLUS_DOUBT` for each surplus pixel. It is a likely merge, unless some
    draws part it otherwise: that they differ about its outline, or don't see it at all, is no
    reason to take it for nothing. An instance without a peak gets one in its middle.

    Parameters
    ----------
    peaks : sequence of Peak
        In any order.
    instances : ProbabilisticInstances
        What they were found in.
    patch : int
        Side of a patch, pixels.
    threshold : float
        Least probability of a pixel of the binary prediction, whose sizes count.
    existence : float, default 0
        Least share of the draws that found an instance of it.

    Returns
    -------
    list of Peak
        The same peaks, some with more mass and another kind and reason, then the new ones.
    """
    sizes = [each.area(threshold, existence) for each in instances.instances]
    areas = np.array(sizes, dtype=np.int64)
    excess = surplus(areas)
    if not excess.any():
        return list(peaks)
    result = list(peaks)
    bearers: dict[int, int] = {}
    for number, peak in enumerate(peaks):
        for index in peak.instances:
            known = bearers.get(index)
            if excess[index] and (known is None or peak.mass > peaks[known].mass):
                bearers[index] = number
    usual = float(np.median(areas[areas > 0]))
    for index in np.flatnonzero(excess).tolist():
        if index not in bearers:
            bearers[index] = len(result)
            binary = instances.instances[index].binarise(threshold, existence)
            result.append(_certain(index, instances, middle_patch(binary, patch)))
        bearer = bearers[index]
        peak = result[bearer]
        asked = instances_at(instances, peak.instances)
        what = "it is" if len(asked) == 1 else "one is"
        result[bearer] = replace(
            peak,
            mass=peak.mass + SURPLUS_DOUBT * float(excess[index]),
            kind="merge" if peak.kind in {"contour", "spurious"} else peak.kind,
            reason=f"{peak.reason}; {what} {areas[index] / usual:.1f} times as large as usual",
        )
    return result


def _certain(index: int, instances: ProbabilisticInstances, place: tuple[int, int]) -> Peak:
    """Peak at an instance about which the draws agree to the pixel."""
    asked = instances_at(instances, (index,))
    seen = "the only draw sees" if instances.n_draws == 1 else "all draws see"
    reason = f"{seen} the same instance here"
    if len(asked) > 1:
        reason = votes_in_words(views_at(instances, asked))
    return Peak(*place, (index,), 0.0, 0.0, 0, "contour", reason)
