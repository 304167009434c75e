"""Scores of binary instances over a range of IoU thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.evaluation.matching import iou_matrix, match

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.instances import InstanceSet

#: 0.50, 0.55, ... 0.95.
THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives and false negatives at one threshold."""

    true_positives: int
    false_positives: int
    false_negatives: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.true_positives + other.true_positives,
            self.false_positives + other.false_positives,
            self.false_negatives + other.false_negatives,
        )

    @property
    def dsb(self) -> float:
        """TP / (TP + FP + FN) of the Data Science Bowl 2018; 1 where there is nothing at all."""
        total = self.true_positives + self.false_positives + self.false_negatives
        return self.true_positives / total if total else 1.0

    @property
    def precision(self) -> float:
        """TP / (TP + FP); without a prediction 0, or 1 where nothing is there to be found."""
        found = self.true_positives + self.false_positives
        return self.true_positives / found if found else float(not self.false_negatives)

    @property
    def recall(self) -> float:
        """TP / (TP + FN); without a true instance 0, or 1 where nothing was predicted either."""
        there = self.true_positives + self.false_negatives
        return self.true_positives / there if there else float(not self.false_positives)


#: The counts of no image.
NOTHING = Counts(0, 0, 0)


def count_hits(
    predicted: InstanceSet, truth: InstanceSet, iou: NDArray[np.float64] | None = None
) -> dict[float, Counts]:
    """Count hits and errors of one image at each of `THRESHOLDS`.

    Parameters
    ----------
    predicted, truth : InstanceSet
        Instances of one image; those without a pixel don't count.
    iou : ndarray of shape (n_predicted, n_truth), optional
        Their `iou_matrix`, where it is known already.
    """
    if iou is None:
        iou = iou_matrix(predicted, truth)
    n_predicted = int(np.count_nonzero(predicted.areas()))
    n_true = int(np.count_nonzero(truth.areas()))
    result = {}
    for threshold in THRESHOLDS:
        hits = len(match(iou, threshold))
        result[threshold] = Counts(hits, n_predicted - hits, n_true - hits)
    return result


def mean_dsb(images: Sequence[dict[float, Counts]]) -> float:
    """DSB averaged over thresholds and images: ``avAP_dsb`` per image."""
    return float(np.mean([[counts.dsb for counts in image.values()] for image in images]))
