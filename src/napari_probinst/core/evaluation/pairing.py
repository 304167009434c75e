"""Which true instance a predicted one stands for, however well or badly they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.evaluation.matching import iou_matrix
from napari_probinst.core.inference.agglomeration import best_assignment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.core.instances import InstanceSet


def counterparts(predicted: InstanceSet, truth: InstanceSet) -> tuple[int | None, ...]:
    """True counterpart of each predicted instance.

    The one-to-one assignment with the largest sum of IoU (Hungarian algorithm), as the draws
    are agglomerated; a pair without a common pixel is none. This is no score: `match` in
    `matching` counts hits, and prefers more of them to better ones.

    Returns
    -------
    tuple of int or None, length n_predicted
        Index in ``truth``; None for an instance that is left without (spurious, the smaller
        part of a split one, or empty).
    """
    return assigned(iou_matrix(predicted, truth))


def assigned(iou: NDArray[np.float64]) -> tuple[int | None, ...]:
    """Column that each row of ``iou`` (n_predicted, n_truth) is assigned to; see `counterparts`."""
    pairs = np.argwhere(iou > 0)
    chosen = pairs[best_assignment(pairs, iou[iou > 0])]
    partner: dict[int, int] = dict(chosen.tolist())
    return tuple(partner.get(row) for row in range(len(iou)))
