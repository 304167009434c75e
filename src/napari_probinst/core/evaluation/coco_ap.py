"""COCO's average precision, as pycocotools computes it."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from napari_probinst.core.data.coco import CocoImage, coco_dataset
from napari_probinst.core.evaluation.average_precision import THRESHOLDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.instances import InstanceSet


@dataclass(frozen=True, slots=True)
class CocoAveragePrecision:
    """Area under the interpolated curve of precision over recall, for instances by their score.

    Parameters
    ----------
    mean : float
        AP: mean over the IoU thresholds 0.50, 0.55, ... 0.95.
    at_50, at_75 : float
        AP50 and AP75.

    All are NaN without any true instance.
    """

    mean: float
    at_50: float
    at_75: float


class CocoEvaluation:
    """Instances of several images matched to the truth by COCO's rules.

    T.-Y. Lin et al., "Microsoft COCO: Common Objects in Context", ECCV 2014,
    doi:10.1007/978-3-319-10602-1_48. In order of their scores, the predictions of an image each
    take the free true instance of the largest IoU of at least the threshold. No area range is
    left out and no prediction is cut off, whatever their number.

    Parameters
    ----------
    predicted, truth : sequence of InstanceSet
        Of the same images; instances without a pixel don't count.
    scores : sequence of ndarray of float, shape (n_instances,)
        Confidence of each predicted instance, 0 to 1. Equal scores stay in the order of the
        images and instances.
    """

    def __init__(
        self,
        predicted: Sequence[InstanceSet],
        truth: Sequence[InstanceSet],
        scores: Sequence[NDArray[np.floating[Any]]],
    ) -> None:
        constant = [np.ones(len(instances)) for instances in truth]
        with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
            evaluation = COCOeval(_indexed(truth, constant), _indexed(predicted, scores), "segm")
            parameters = evaluation.params
            parameters.maxDets = [max((len(instances) for instances in predicted), default=1) or 1]
            parameters.areaRng = [[0, float("inf")]]
            parameters.areaRngLbl = ["all"]
            evaluation.evaluate()
        self._evaluation = evaluation
        self._images = list(evaluation.evalImgs)

    def average_precision(self, images: NDArray[np.intp] | None = None) -> CocoAveragePrecision:
        """Average precision over all images, or over these indices, which may repeat."""
        evaluation = self._evaluation
        chosen = self._images if images is None else [self._images[index] for index in images]
        evaluation.evalImgs = chosen
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation.accumulate()
        # Thresholds, 101 recalls, one category, one area range, one limit; -1 is undefined.
        precision = evaluation.eval["precision"][:, :, 0, 0, 0]
        by_threshold = np.where(precision < 0, np.nan, precision).mean(axis=1)
        return CocoAveragePrecision(
            float(by_threshold.mean()),
            float(by_threshold[THRESHOLDS.index(0.5)]),
            float(by_threshold[THRESHOLDS.index(0.75)]),
        )


def _indexed(images: Sequence[InstanceSet], scores: Sequence[NDArray[np.floating[Any]]]) -> COCO:
    """Build the data set as pycocotools holds it, without a file."""
    records = []
    for number, (image, values) in enumerate(zip(images, scores, strict=True)):
        filled = np.flatnonzero(image.areas())
        records.append(
            CocoImage(
                file_name=str(number),
                shape=image.shape,
                instances=[image.instances[index] for index in filled],
                scores=[float(values[index]) for index in filled],
            )
        )
    data_set = COCO()
    data_set.dataset = coco_dataset(records)
    data_set.createIndex()
    return data_set
