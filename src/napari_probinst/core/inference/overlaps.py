"""Give overlap pixels back to the instances they belong to (section 2.2 of the paper).

"We add the resulting overlap map, containing all overlaps of a sample, to each individual
instance map. In each instance-plus-overlap map, the connected component with the largest
Intersection-over-Union (IoU) with the respective sole instance map is selected as the final
instance prediction."
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_probinst.core.boxes import clip_box, enclose, window
from napari_probinst.core.instances import Instance, InstanceSet
from napari_probinst.core.neighbourhood import EIGHT_NEIGHBOURS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox


def resolve_overlaps(labels: NDArray[np.int32], overlap: NDArray[np.bool_]) -> InstanceSet:
    """Instances with the overlaps they touch.

    Components are 8-connected. Of two components with the same IoU the one whose first pixel
    comes first, row by row, is taken. Overlaps that touch no instance go nowhere.

    Only the overlaps that touch an instance can be connected to it, so each instance is
    solved on the box around itself and these; the result is that of whole pages.

    Parameters
    ----------
    labels : ndarray of int, shape (height, width)
        Instances without overlap: 0 is none, 1 to n are the instances. Absent labels are
        passed over.
    overlap : ndarray of bool, shape (height, width)
        Pixels that belong to several instances.

    Returns
    -------
    InstanceSet
        One instance a label, in the order of the labels, with tight boxes.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if labels.shape != overlap.shape:
        raise ValueError(f"labels {labels.shape} and overlap {overlap.shape} differ in shape")
    height, width = labels.shape
    blobs, _ = ndimage.label(overlap, EIGHT_NEIGHBOURS)
    blob_boxes = [_bbox(slices) for slices in ndimage.find_objects(blobs)]
    instances = [
        _with_overlaps(labels, label, _bbox(slices), blobs, blob_boxes)
        for label, slices in enumerate(ndimage.find_objects(labels), start=1)
        if slices is not None
    ]
    return InstanceSet((height, width), tuple(instances))


def _with_overlaps(
    labels: NDArray[np.int32],
    label: int,
    bbox: BBox,
    blobs: NDArray[np.int32],
    blob_boxes: list[BBox],
) -> Instance:
    """Instance ``label``, whose pixels lie in ``bbox``, with the overlap blobs it touches."""
    page: BBox = (0, 0, *labels.shape)
    y0, x0, y1, x1 = bbox
    around = window(clip_box((y0 - 1, x0 - 1, y1 + 1, x1 + 1), labels.shape), page)
    touched = np.zeros(len(blob_boxes) + 1, dtype=bool)
    if blobs[around].any():
        beside = ndimage.binary_dilation(labels[around] == label, EIGHT_NEIGHBOURS)
        touched[blobs[around][beside]] = True
        touched[0] = False
    box = enclose([bbox, *(blob_boxes[blob - 1] for blob in np.flatnonzero(touched))])
    inside = window(box, page)
    sole = labels[inside] == label
    components, n_components = ndimage.label(sole | touched[blobs[inside]], EIGHT_NEIGHBOURS)
    if n_components == 1:
        return Instance.from_mask(components, box[:2])
    shared = np.bincount(components[sole], minlength=n_components + 1)
    sizes = np.bincount(components.ravel(), minlength=n_components + 1)
    iou = shared / (sizes + np.count_nonzero(sole) - shared)
    best = 1 + int(np.argmax(iou[1:]))
    return Instance.from_mask(components == best, box[:2])


def _bbox(slices: tuple[slice, slice]) -> BBox:
    rows, columns = slices
    return (rows.start, columns.start, rows.stop, columns.stop)
