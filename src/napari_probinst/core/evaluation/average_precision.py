"""Scores of binary instances over a range of IoU thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.evaluation.matching import iou_matrix, match

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        """TP / (TP + FP); 1 without a prediction."""
        found = self.true_positives + self.false_positives
        return self.true_positives / found if found else 1.0

    @property
    def recall(self) -> float:
        """TP / (TP + FN); 1 without a true instance."""
        there = self.true_positives + self.false_negatives
        return self.true_positives / there if there else 1.0


def count_hits(predicted: InstanceSet, truth: InstanceSet) -> dict[float, Counts]:
    """Counts of one image at each of `THRESHOLDS`; instances without a pixel don't count."""
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
