"""Bounding boxes, and crops that lie in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

#: y0, x0, y1, x1 in pixels; the upper bounds are exclusive.
BBox = tuple[int, int, int, int]
#: Height and width, pixels.
Shape = tuple[int, int]


def tight_bbox(mask: NDArray[Any]) -> BBox:
    """Smallest box around the nonzero pixels of ``mask``; (0, 0, 0, 0) if there are none."""
    rows = np.flatnonzero(mask.any(axis=1))
    if rows.size == 0:
        return (0, 0, 0, 0)
    y0, y1 = int(rows[0]), int(rows[-1]) + 1
    # Not of the whole page: along columns, memory is read with strides.
    columns = np.flatnonzero(mask[y0:y1].any(axis=0))
    return (y0, int(columns[0]), y1, int(columns[-1]) + 1)


def shifted(bbox: BBox, offset: tuple[int, int]) -> BBox:
    """Box moved by ``offset`` (y, x)."""
    return (bbox[0] + offset[0], bbox[1] + offset[1], bbox[2] + offset[0], bbox[3] + offset[1])


def intersect(first: BBox, second: BBox) -> BBox | None:
    """Intersection of two boxes, or None if they share no pixel."""
    y0, x0 = max(first[0], second[0]), max(first[1], second[1])
    y1, x1 = min(first[2], second[2]), min(first[3], second[3])
    return (y0, x0, y1, x1) if y0 < y1 and x0 < x1 else None


def enclose(boxes: Iterable[BBox]) -> BBox:
    """Smallest box around all non-empty ``boxes``; (0, 0, 0, 0) if there are none."""
    filled = [box for box in boxes if box[0] < box[2] and box[1] < box[3]]
    if not filled:
        return (0, 0, 0, 0)
    y0, x0, y1, x1 = zip(*filled, strict=True)
    return (min(y0), min(x0), max(y1), max(x1))


def clip_box(bbox: BBox, shape: Shape) -> BBox:
    """Part of ``bbox`` inside an image of ``shape``; an empty box where nothing is left."""
    y0, x0 = max(bbox[0], 0), max(bbox[1], 0)
    y1, x1 = min(bbox[2], shape[0]), min(bbox[3], shape[1])
    return (y0, x0, max(y1, y0), max(x1, x0))


def crop_to(bbox: BBox, crop: NDArray[Any], target: BBox) -> NDArray[Any]:
    """Content of ``crop``, which lies at ``bbox``, on the box ``target``; zero outside."""
    if bbox == target:
        return crop
    result = np.zeros((target[2] - target[0], target[3] - target[1]), dtype=crop.dtype)
    both = intersect(bbox, target)
    if both is not None:
        result[window(both, target)] = crop[window(both, bbox)]
    return result


def window(bbox: BBox, within: BBox) -> tuple[slice, slice]:
    """Slices of ``bbox`` in an array that lies at ``within``."""
    return (
        slice(bbox[0] - within[0], bbox[2] - within[0]),
        slice(bbox[1] - within[1], bbox[3] - within[1]),
    )


def sampled_shape(bbox: BBox, step: int) -> Shape:
    """Height and width of ``bbox`` where only every ``step``-th row and column is kept."""
    return -(-(bbox[2] - bbox[0]) // step), -(-(bbox[3] - bbox[1]) // step)


def sampled_windows(
    bbox: BBox, within: BBox, step: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Where two arrays meet if every ``step``-th pixel of ``within``, from its first on, is kept.

    Parameters
    ----------
    bbox : (int, int, int, int)
        Where the one lies, which holds all its pixels.
    within : (int, int, int, int)
        Where the other lies, which has the shape of `sampled_shape`.
    step : int
        1 or more.

    Returns
    -------
    tuple of two pairs of slice, or None
        Of the array at ``bbox``, and of that at ``within``; None if they share no kept pixel.
    """
    own, target = [], []
    for low, high, start, stop in zip(bbox[:2], bbox[2:], within[:2], within[2:], strict=True):
        first = max(-(-(low - start) // step), 0)
        last = -(-(min(high, stop) - start) // step)
        if first >= last:
            return None
        begin = start + first * step - low
        own.append(slice(begin, begin + (last - first - 1) * step + 1, step))
        target.append(slice(first, last))
    return (own[0], own[1]), (target[0], target[1])


def check_boxes(shape: Shape, boxes: Iterable[BBox]) -> None:
    """Raise ValueError if a box reaches outside an image of ``shape``."""
    for box in boxes:
        if not (0 <= box[0] <= box[2] <= shape[0] and 0 <= box[1] <= box[3] <= shape[1]):
            raise ValueError(f"box {box} does not lie inside an image of {shape}")
