"""Uncertainty of agglomerated instances: Bernoulli entropy, image-wide maps, confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.bernoulli import entropy_levels
from napari_probinst.core.boxes import sampled_shape, sampled_windows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox
    from napari_probinst.core.instances import (
        InstanceSet,
        ProbabilisticInstance,
        ProbabilisticInstances,
    )


def probability_map(
    instances: ProbabilisticInstances, bbox: BBox | None = None, step: int = 1
) -> NDArray[np.float32]:
    """Highest probability over all instances of each pixel.

    Parameters
    ----------
    instances : ProbabilisticInstances
        Of one image.
    bbox : (int, int, int, int), optional
        Part of the image, y0, x0, y1, x1; the whole by default.
    step : int, default 1
        Only every ``step``-th row and column of the part, from its first on.

    Returns
    -------
    ndarray of float32, shape (height, width) of the part
        0 to 1.
    """
    levels = np.arange(instances.n_draws + 1) / max(instances.n_draws, 1)
    return _maximum_map(instances, levels, bbox, step)


def entropy_map(
    instances: ProbabilisticInstances, bbox: BBox | None = None, step: int = 1
) -> NDArray[np.float32]:
    """Highest entropy over all instances of each pixel, 0 to ln 2 nats; see `probability_map`."""
    levels = entropy_levels(instances.n_draws) if instances.instances else np.zeros(1)
    return _maximum_map(instances, levels, bbox, step)


def _maximum_map(
    instances: ProbabilisticInstances, levels: NDArray[np.float64], bbox: BBox | None, step: int
) -> NDArray[np.float32]:
    """Page of the largest of ``levels[counts]`` over the instances."""
    within = bbox or (0, 0, *instances.shape)
    page = np.zeros(sampled_shape(within, step), dtype=np.float32)
    values = levels.astype(np.float32)
    for index in instances.within(within):
        instance = instances.instances[index]
        windows = sampled_windows(instance.bbox, within, step)
        if windows is not None:
            own, target = windows
            np.maximum(page[target], values[instance.counts[own]], out=page[target])
    return page


def confidence(instances: ProbabilisticInstances) -> NDArray[np.float64]:
    """How far the draws agree on each instance: the score of a detection.

    The mean IoU of the matched instances over all pairs of draws. A draw without a match
    has IoU 0 with the others.

    Parameters
    ----------
    instances : ProbabilisticInstances
        Instances with their draws.

    Returns
    -------
    ndarray of float64, shape (n_instances,)
        0 (found in one draw only) to 1 (the same pixels in all draws; also with one draw).
    """
    return np.array(
        [_mean_pairwise_iou(instance, instances.draws) for instance in instances.instances],
        dtype=np.float64,
    )


def _mean_pairwise_iou(instance: ProbabilisticInstance, draws: tuple[InstanceSet, ...]) -> float:
    n_draws = len(draws)
    if n_draws == 1:
        return 1.0
    union = instance.counts > 0
    # Counts of pixels are exact in float32 up to 2²⁴ pixels, and such products are quick.
    masks: NDArray[np.floating[Any]] = np.array(
        [
            draw.instances[match].crop(instance.bbox)[union]
            for draw, match in zip(draws, instance.matches, strict=True)
            if match is not None
        ],
        dtype=np.float32 if instance.counts.size < 2**24 else np.float64,
    )
    if len(masks) < 2:
        return 0.0
    shared = (masks @ masks.T).astype(np.float64)
    areas = np.diagonal(shared)
    first, second = np.triu_indices(len(masks), k=1)
    both = shared[first, second]
    iou = both / np.maximum(areas[first] + areas[second] - both, 1)
    return float(iou.sum() / (n_draws * (n_draws - 1) / 2))
