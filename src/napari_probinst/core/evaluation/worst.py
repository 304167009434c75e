"""The instances that are wrong the most: what a person looks at first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.evaluation.pairing import assigned

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from napari_probinst.core.evaluation.segmentation import ImageScores
    from napari_probinst.core.instances import InstanceSet


@dataclass(frozen=True, slots=True)
class WorstInstance:
    """A true instance with its partner, or one that has none.

    Parameters
    ----------
    image : str
        Name of the image.
    predicted, true : int or None
        Indices in the image's sets; None where there is no partner.
    iou : float
        0 without a partner.
    area : int
        Pixels of the true instance, of the predicted one where there is none.
    kind : str
        What became of it; see `ErrorKinds`.
    """

    image: str
    predicted: int | None
    true: int | None
    iou: float
    area: int
    kind: str


def worst_instances(
    images: Iterable[tuple[ImageScores, InstanceSet, InstanceSet]], n: int
) -> tuple[WorstInstance, ...]:
    """Find the ``n`` instances with the smallest IoU, the largest first among equals.

    Instances of an image are paired so that the sum of IoU is largest.

    Parameters
    ----------
    images : iterable of (ImageScores, InstanceSet, InstanceSet)
        Scores, predicted and true instances of each image.
    n : int
        How many to return at most; those that agree exactly are never among them.
    """
    found = [instance for image in images for instance in _paired(*image) if instance.iou < 1]
    return tuple(sorted(found, key=lambda one: (one.iou, -one.area, one.image))[:n])


def _paired(
    scores: ImageScores, predicted: InstanceSet, truth: InstanceSet
) -> Iterator[WorstInstance]:
    areas = predicted.areas(), truth.areas()
    kinds = scores.kinds
    partners = assigned(scores.iou)
    for row, column in enumerate(partners):
        if column is not None:
            iou = float(scores.iou[row, column])
            area, kind = int(areas[1][column]), kinds.true_kinds[column]
            yield WorstInstance(scores.name, row, column, iou, area, kind)
        elif areas[0][row]:
            area, kind = int(areas[0][row]), kinds.predicted_kinds[row]
            yield WorstInstance(scores.name, row, None, 0.0, area, kind)
    for column in sorted(set(np.flatnonzero(areas[1]).tolist()) - set(partners)):
        area, kind = int(areas[1][column]), kinds.true_kinds[column]
        yield WorstInstance(scores.name, None, column, 0.0, area, kind)
