"""Panoptic quality: how many instances are found, and how well these are outlined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_probinst.core.evaluation.average_precision import NOTHING, Counts
from napari_probinst.core.evaluation.matching import match

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: A pair is a hit where its IoU is larger.
HIT_IOU = 0.5


@dataclass(frozen=True, slots=True)
class PanopticQuality:
    """Panoptic quality of one image, or of several added up.

    A. Kirillov et al., "Panoptic Segmentation", CVPR 2019, doi:10.1109/CVPR.2019.00963,
    equation 1. There segments don't overlap, so that no instance has two partners with an IoU
    above 0.5; here they may, and the one-to-one matching decides.

    Parameters
    ----------
    iou_sum : float
        Sum of the IoU of the hits.
    counts : Counts
        At IoU 0.5.
    """

    iou_sum: float = 0.0
    counts: Counts = NOTHING

    def __add__(self, other: PanopticQuality) -> PanopticQuality:
        return PanopticQuality(self.iou_sum + other.iou_sum, self.counts + other.counts)

    @property
    def quality(self) -> float:
        """Σ IoU / (TP + FP / 2 + FN / 2), 0 to 1; 1 where there is nothing at all."""
        return self.segmentation * self.recognition

    @property
    def segmentation(self) -> float:
        """Σ IoU / TP: mean IoU of the hits, above 0.5; 1 without a hit."""
        hits = self.counts.true_positives
        return self.iou_sum / hits if hits else 1.0

    @property
    def recognition(self) -> float:
        """TP / (TP + FP / 2 + FN / 2): the F1 score, 0 to 1; 1 where there is nothing at all."""
        counts = self.counts
        errors = counts.false_positives + counts.false_negatives
        total = counts.true_positives + errors / 2
        return counts.true_positives / total if total else 1.0


def panoptic_quality(iou: NDArray[np.float64], counts: Counts) -> PanopticQuality:
    """Panoptic quality of one image.

    Parameters
    ----------
    iou : ndarray of shape (n_predicted, n_truth)
        Intersection over union of every pair.
    counts : Counts
        Of this image at IoU 0.5.
    """
    hits = match(iou, HIT_IOU)
    return PanopticQuality(float(iou[hits[:, 0], hits[:, 1]].sum()), counts)
