"""Uncertainty of agglomerated instances: Bernoulli entropy, image-wide maps, confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.bernoulli import entropy_levels
from napari_probinst.core.boxes import window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.core.instances import (
        InstanceSet,
        ProbabilisticInstance,
        ProbabilisticInstances,
    )


def probability_map(instances: ProbabilisticInstances) -> NDArray[np.float32]:
    """Highest probability over all instances, float32, shape (height, width), 0 to 1."""
    return _maximum_map(instances, np.arange(instances.n_draws + 1) / max(instances.n_draws, 1))


def entropy_map(instances: ProbabilisticInstances) -> NDArray[np.float32]:
    """Highest entropy over all instances, float32, shape (height, width), 0 to ln 2 nats."""
    if not instances.instances:
        return np.zeros(instances.shape, dtype=np.float32)
    return _maximum_map(instances, entropy_levels(instances.n_draws))


def _maximum_map(
    instances: ProbabilisticInstances, levels: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Page of the largest of ``levels[counts]`` over the instances."""
    page = np.zeros(instances.shape, dtype=np.float32)
    values = levels.astype(np.float32)
    for instance in instances.instances:
        part = page[window(instance.bbox, (0, 0, *instances.shape))]
        np.maximum(part, values[instance.counts], out=part)
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
