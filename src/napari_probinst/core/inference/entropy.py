"""Uncertainty of agglomerated instances: Bernoulli entropy, image-wide maps, confidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.instances import window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.core.instances import (
        InstanceSet,
        ProbabilisticInstance,
        ProbabilisticInstances,
    )


def bernoulli_entropy(counts: NDArray[Any], n_draws: int) -> NDArray[np.float32]:
    """Entropy of the votes on each pixel (equation 5 of the paper).

    H(p) = −p·ln p − (1 − p)·ln(1 − p) with p = counts / n_draws.

    Parameters
    ----------
    counts : ndarray of int, any shape
        Draws that contain the pixel, 0 to ``n_draws``.
    n_draws : int
        Number of draws, at least 1.

    Returns
    -------
    ndarray of float32, same shape
        Nats, 0 (all draws agree) to ln 2 (half of them contain the pixel).

    Raises
    ------
    ValueError
        If there is no draw, or a count lies outside 0 to ``n_draws``.
    """
    if counts.size and not 0 <= int(counts.min()) <= int(counts.max()) <= n_draws:
        raise ValueError(f"counts must lie in 0 to {n_draws}, got {counts.min()}, {counts.max()}")
    entropy: NDArray[np.float32] = entropy_levels(n_draws).astype(np.float32)[counts]
    return entropy


def entropy_levels(n_draws: int) -> NDArray[np.float64]:
    """Entropy of 0, 1, ... ``n_draws`` votes, nats, shape (n_draws + 1,); symmetric exactly.

    Raises
    ------
    ValueError
        If ``n_draws`` is not positive.
    """
    if n_draws < 1:
        raise ValueError(f"entropy needs at least one draw, got {n_draws}")
    levels = np.zeros(n_draws + 1)
    yes = np.arange(1, n_draws) / n_draws
    no = yes[::-1]
    levels[1:-1] = -(yes * np.log(yes) + no * np.log(no))
    return levels


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
