"""One-to-one matching of predicted to true instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.box_pairs import meeting_boxes
from napari_probinst.core.inference.agglomeration import best_assignment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.core.instances import InstanceSet


def iou_matrix(predicted: InstanceSet, truth: InstanceSet) -> NDArray[np.float64]:
    """Intersection over union of every pair.

    Returns
    -------
    ndarray of float64, shape (n_predicted, n_truth)
        In [0, 1].
    """
    shared = intersection_matrix(predicted, truth)
    return intersection_over_union(shared, predicted.areas(), truth.areas())


def intersection_matrix(predicted: InstanceSet, truth: InstanceSet) -> NDArray[np.int64]:
    """Pixels that every pair shares, shape (n_predicted, n_truth)."""
    matrix = np.zeros((len(predicted), len(truth)), dtype=np.int64)
    for row, column in meeting_boxes(_boxes(predicted), _boxes(truth)).tolist():
        matrix[row, column] = predicted.instances[row].intersection(truth.instances[column])
    return matrix


def _boxes(instances: InstanceSet) -> NDArray[np.int64]:
    boxes = [instance.bbox for instance in instances.instances]
    return np.array(boxes, dtype=np.int64).reshape(-1, 4)


def intersection_over_union(
    shared: NDArray[np.int64],
    predicted_areas: NDArray[np.int64],
    true_areas: NDArray[np.int64],
) -> NDArray[np.float64]:
    """|A ∩ B| / |A ∪ B| of every pair; 0 where both are empty.

    Parameters
    ----------
    shared : ndarray of int, shape (n_predicted, n_truth)
        Pixels that each pair shares.
    predicted_areas, true_areas : ndarray of int, shapes (n_predicted,) and (n_truth,)
        Pixels of each instance.
    """
    union = np.add.outer(predicted_areas, true_areas) - shared
    return np.asarray(shared / np.maximum(union, 1), dtype=np.float64)


def match(iou: NDArray[np.float64], threshold: float) -> NDArray[np.intp]:
    """Most pairs with an IoU above ``threshold``; among those, the largest sum of IoU.

    Parameters
    ----------
    iou : ndarray of shape (n_predicted, n_truth)
        Intersection over union.
    threshold : float
        A pair is a hit where its IoU is strictly larger.

    Returns
    -------
    ndarray of int, shape (n_hits, 2)
        Predicted and true index of each hit, by predicted index.
    """
    pairs = np.argwhere(iou > threshold)
    # A hit outweighs all IoU together, so that ties in the number of hits go to the IoU.
    return pairs[best_assignment(pairs, min(iou.shape) + 1 + iou[tuple(pairs.T)])]
