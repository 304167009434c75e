"""The draws' distinct opinions about a place: which draws see the same there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.instances import Instance

#: Two draws are of one opinion if they see as many instances, each at least this similar.
SAME_IOU = 0.5


def opinions(views: Sequence[Sequence[Instance]]) -> tuple[tuple[int, ...], ...]:
    """Group draws by what they see.

    A draw joins the first opinion that it agrees with (``SAME_IOU``).

    Parameters
    ----------
    views : sequence of sequence of Instance
        For each draw what it sees at the place.

    Returns
    -------
    tuple of tuple of int
        Indices of the draws of each opinion, ascending. Most votes first; ties by the lowest draw.
    """
    groups: list[list[int]] = []
    for draw, view in enumerate(views):
        for group in groups:
            if _agree(views[group[0]], view):
                group.append(draw)
                break
        else:
            groups.append([draw])
    return tuple(sorted(map(tuple, groups), key=lambda group: (-len(group), group[0])))


def surely_one_opinion(views: Sequence[Sequence[Instance]], n_pixels: int) -> bool:
    """Whether all draws agree, as far as sizes tell: then there is one of `opinions`.

    Masks of a and b pixels among ``n_pixels`` share a + b - n_pixels at least, and their union
    has at most ``n_pixels``.

    Parameters
    ----------
    views : sequence of sequence of Instance
        As for `opinions`.
    n_pixels : int
        Pixels that any draw sees there.
    """
    if not all(len(view) == 1 for view in views):
        return False
    first, *others = (view[0].area for view in views)
    return first + min(others, default=first) - n_pixels >= SAME_IOU * n_pixels


def similarities(first: Sequence[Instance], second: Sequence[Instance]) -> NDArray[np.float64]:
    """IoU of each pair of the assignment that maximises their sum."""
    ious = np.array([[one.iou(other) for other in second] for one in first], dtype=np.float64)
    ious = ious.reshape(len(first), len(second))
    best: NDArray[np.float64] = ious[linear_sum_assignment(ious, maximize=True)]
    return best


def _agree(first: Sequence[Instance], second: Sequence[Instance]) -> bool:
    if len(first) != len(second):
        return False
    if len(first) == 1:  # nearly all
        return first[0].iou(second[0]) >= SAME_IOU
    return bool((similarities(first, second) >= SAME_IOU).all())
