"""Scores of binary instances: of each image, and of all together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.evaluation.average_precision import (
    NOTHING,
    THRESHOLDS,
    Counts,
    count_hits,
    mean_dsb,
)
from napari_probinst.core.evaluation.error_kinds import ErrorCounts, ErrorKinds, error_kinds
from napari_probinst.core.evaluation.matching import (
    intersection_matrix,
    intersection_over_union,
    match,
)
from napari_probinst.core.evaluation.panoptic import HIT_IOU, PanopticQuality, panoptic_quality

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.instances import InstanceSet

#: The threshold at which the paper gives the recall.
RECALL_IOU = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class ImageScores:
    """Scores of one image.

    Parameters
    ----------
    name : str
        Name of the image.
    counts : mapping of float to Counts
        At each of `THRESHOLDS`.
    panoptic : PanopticQuality
        At IoU 0.5.
    kinds : ErrorKinds
        Errors by kind.
    iou : ndarray of float64, shape (n_predicted, n_truth)
        Of every pair.
    """

    name: str
    counts: Mapping[float, Counts]
    panoptic: PanopticQuality
    kinds: ErrorKinds
    iou: NDArray[np.float64]

    @property
    def dsb(self) -> float:
        """DSB averaged over the thresholds."""
        return mean_dsb([dict(self.counts)])


@dataclass(frozen=True, slots=True)
class SegmentationScores:
    """Scores of several images.

    Parameters
    ----------
    counts : mapping of float to Counts
        Added up over the images, at each of `THRESHOLDS`.
    dsb_image : float
        DSB averaged over thresholds and images.
    panoptic : PanopticQuality
        Added up over the images.
    errors : ErrorCounts
        Added up over the images.
    """

    counts: Mapping[float, Counts]
    dsb_image: float
    panoptic: PanopticQuality
    errors: ErrorCounts

    @property
    def n_predicted(self) -> int:
        """Predicted instances."""
        counts = self.counts[HIT_IOU]
        return counts.true_positives + counts.false_positives

    @property
    def n_true(self) -> int:
        """True instances."""
        counts = self.counts[HIT_IOU]
        return counts.true_positives + counts.false_negatives

    def headline(self) -> dict[str, float]:
        """Scores by the names they have in the report.

        All but ``dsb_image`` are of the counts added up over the images; those without a
        threshold in their name are means over the thresholds.
        """
        counts = self.counts
        return {
            "dsb_image": self.dsb_image,
            "dsb_global": float(np.mean([count.dsb for count in counts.values()])),
            "precision": float(np.mean([count.precision for count in counts.values()])),
            "precision50": counts[0.5].precision,
            "precision75": counts[0.75].precision,
            "recall": float(np.mean([count.recall for count in counts.values()])),
            "recall80": counts[RECALL_IOU].recall,
            "panoptic_quality": self.panoptic.quality,
        }


def score_image(name: str, predicted: InstanceSet, truth: InstanceSet) -> ImageScores:
    """Score one image.

    Parameters
    ----------
    name : str
        Name of the image.
    predicted, truth : InstanceSet
        Binary instances; those without a pixel don't count.
    """
    shared = intersection_matrix(predicted, truth)
    areas = predicted.areas(), truth.areas()
    iou = intersection_over_union(shared, *areas)
    counts = count_hits(predicted, truth, iou)
    return ImageScores(
        name=name,
        counts=counts,
        panoptic=panoptic_quality(iou, counts[HIT_IOU]),
        kinds=error_kinds(shared, *areas, match(iou, HIT_IOU)),
        iou=iou,
    )


def summarise(images: Sequence[ImageScores]) -> SegmentationScores:
    """Scores of all images together; at least one."""
    return SegmentationScores(
        counts={
            threshold: sum((image.counts[threshold] for image in images), NOTHING)
            for threshold in THRESHOLDS
        },
        dsb_image=float(np.mean([image.dsb for image in images])),
        panoptic=sum((image.panoptic for image in images), PanopticQuality()),
        errors=sum((image.kinds.counts for image in images), ErrorCounts()),
    )
