"""Masks in a file: the boxes of instances, and the bits of their crops one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.instances import Instance

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox, Shape


def packed_boxes(boxes: Iterable[BBox]) -> NDArray[np.int32]:
    """Boxes as an array, shape (n, 4)."""
    return np.array(list(boxes), np.int32).reshape(-1, 4)


def packed_masks(instances: Sequence[Instance]) -> NDArray[np.uint8]:
    """Bits of the crops as bytes; each instance begins with a new one."""
    parts = [np.packbits(instance.mask) for instance in instances]
    return np.concatenate([np.empty(0, np.uint8), *parts])


def box_areas(boxes: NDArray[Any], shape: Shape) -> NDArray[np.int64]:
    """Pixels of each box that a file holds.

    Parameters
    ----------
    boxes : ndarray of int, shape (n, 4)
        Of any content.
    shape : (int, int)
        Height and width of the image, pixels.

    Raises
    ------
    ValueError
        If one lies outside the image, or they are no boxes.
    """
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError("boxes need four sides")
    y0, x0, y1, x1 = boxes.astype(np.int64).T
    inside = (y0 >= 0) & (y0 <= y1) & (y1 <= shape[0]) & (x0 >= 0) & (x0 <= x1) & (x1 <= shape[1])
    if not inside.all():
        raise ValueError("boxes outside the image")
    areas: NDArray[np.int64] = (y1 - y0) * (x1 - x0)
    return areas


def check_packed(areas: NDArray[np.int64], n_bytes: int) -> None:
    """Refuse packed masks that are not as long as their boxes ask for.

    Raises
    ------
    ValueError
        If ``n_bytes`` is another number than boxes of these areas take.
    """
    if n_bytes != int(((areas + 7) // 8).sum()):
        raise ValueError("masks don't fill their boxes")


def unpacked(boxes: NDArray[Any], masks: NDArray[np.uint8], shape: Shape) -> tuple[Instance, ...]:
    """Instances of what `packed_boxes` and `packed_masks` gave.

    Raises
    ------
    ValueError
        If the boxes lie outside the image, or the masks don't fill them.
    """
    areas = box_areas(boxes, shape)
    check_packed(areas, len(masks))
    parts = np.split(masks, np.cumsum((areas + 7) // 8)[:-1])
    return tuple(
        Instance(
            (y0, x0, y1, x1),
            np.unpackbits(part, count=area).reshape(y1 - y0, x1 - x0).view(bool),
        )
        for (y0, x0, y1, x1), area, part in zip(
            boxes.tolist(), areas.tolist(), parts[: len(boxes)], strict=True
        )
    )
