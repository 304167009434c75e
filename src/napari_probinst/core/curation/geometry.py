"""Cuts, seeds and growth on one instance's crop: plain functions of small boolean arrays.

All of them divide or change a mask exactly: the parts of a division are disjoint and their
union is the mask, so no sliver of the old instance is ever left behind.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage, sparse
from scipy.sparse import csgraph

from napari_probinst.core.boxes import BBox, Shape, clip_box, crop_to, enclose
from napari_probinst.core.instances import Instance
from napari_probinst.core.neighbourhood import EIGHT_NEIGHBOURS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: y, x in pixels; whole numbers are the centres of pixels.
Point = tuple[float, float]
#: Pieces that a line breaks off are its own debris if smaller than this many pixels ...
SLIVER_PIXELS = 5
#: ... and than this share of the instance.
SLIVER_SHARE = 0.05

#: A shorter way along an axis is none, pixels; dividing by it would overflow.
_STILL = 1e-9


def rasterise(line: Sequence[Point], bbox: BBox) -> NDArray[np.bool_]:
    """Pixels of ``bbox`` that a drawn line covers, connected over edges.

    Diagonal steps get a corner pixel: no path over edges or corners slips through the line.

    Parameters
    ----------
    line : sequence of (y, x)
        Corners of the polyline, in pixels of the image; may lie outside of it.
    bbox : (int, int, int, int)
        Box of the result.

    Returns
    -------
    ndarray of bool, shape (y1 - y0, x1 - x0)
    """
    crop = np.zeros((bbox[2] - bbox[0], bbox[3] - bbox[1]), dtype=bool)
    origin = np.array(bbox[:2], dtype=float)
    for start, end in pairwise(np.asarray(line, dtype=float) - origin):
        ends = _clipped(start, end, np.array(crop.shape, dtype=float))
        if ends is None:
            continue
        steps = int(np.ceil(2 * np.abs(ends[1] - ends[0]).max())) + 1
        points = np.floor(np.linspace(ends[0], ends[1], steps) + 0.5).astype(np.int64)
        corners = np.stack((points[1:, 0], points[:-1, 1]), axis=1)
        covered = np.concatenate((points, corners))
        inside = ((covered >= 0) & (covered < crop.shape)).all(axis=1)
        crop[tuple(covered[inside].T)] = True
    return crop


def cut(mask: NDArray[np.bool_], line: NDArray[np.bool_]) -> NDArray[np.int32] | None:
    """Divide a mask along the pixels of a line.

    What counts is that the line cuts a connected piece of the mask in two or more. Pixels under
    the line, debris (see ``SLIVER_PIXELS``) and pieces the line does not cut are given to the
    nearest part.

    Parameters
    ----------
    mask, line : ndarray of bool, shape (height, width)
        The instance and the line on the same crop.

    Returns
    -------
    ndarray of int32, shape (height, width), or None
        Part of each pixel from 1, 0 outside ``mask``; None if the line does not cut it.
    """
    pieces, n_pieces = ndimage.label(mask & ~line, EIGHT_NEIGHBOURS)
    connected, _ = ndimage.label(mask, EIGHT_NEIGHBOURS)
    sizes = np.bincount(pieces.ravel(), minlength=n_pieces + 1)
    is_part = sizes >= least_part(mask)
    is_part[0] = False
    piece_of = np.zeros(n_pieces + 1, dtype=np.int64)
    piece_of[pieces] = connected
    parts_in = np.bincount(piece_of[is_part], minlength=int(connected.max(initial=0)) + 1)
    is_part &= parts_in[piece_of] >= 2
    if not is_part.any():
        return None
    numbers = np.where(is_part, np.cumsum(is_part), 0).astype(np.int32)
    return spread(numbers[pieces], mask)


def least_part(mask: NDArray[np.bool_]) -> float:
    """Pixels that a part of ``mask`` must have; less is debris."""
    return min(SLIVER_PIXELS, SLIVER_SHARE * np.count_nonzero(mask))


def spread(labels: NDArray[np.int32], mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Give every pixel of a mask to the labelled pixel that is nearest inside the mask.

    Distances are geodesic: paths stay on the mask, with steps of 1 and the square root of 2. A
    connected piece that no path reaches goes, as a whole, to the label that is nearest to it
    through the air.

    Parameters
    ----------
    labels : ndarray of int32, shape (height, width)
        At least one label above 0 on the mask; 0 where the pixel is still to be given away.
    mask : ndarray of bool, shape (height, width)
        Pixels to divide.

    Returns
    -------
    ndarray of int32, shape (height, width)
        Above 0 exactly on the mask.
    """
    result = np.where(mask, labels, 0).astype(np.int32)
    # Settled pixels matter only where they border on open ones: the graph stays small.
    open_pixels = mask & (result == 0)
    nodes = ndimage.binary_dilation(open_pixels, EIGHT_NEIGHBOURS) & mask
    flat = result[nodes]
    sources = np.flatnonzero(flat)
    if sources.size:
        _, _, nearest = csgraph.dijkstra(
            neighbours(nodes),
            directed=False,
            indices=sources,
            min_only=True,
            return_predecessors=True,
        )
        result[nodes] = np.where(nearest >= 0, flat[np.maximum(nearest, 0)], 0)
    islands, n_islands = ndimage.label(mask & (result == 0), EIGHT_NEIGHBOURS)
    if n_islands:
        distance, (row, column) = ndimage.distance_transform_edt(result == 0, return_indices=True)
        numbers = np.arange(1, n_islands + 1)
        bridge = tuple(np.transpose(ndimage.minimum_position(distance, islands, numbers)))
        taken = np.concatenate(([0], result[row[bridge], column[bridge]]))
        result = np.where(islands > 0, taken[islands], result).astype(np.int32)
    return result


def parts_of(labels: NDArray[np.int32], origin: tuple[int, int]) -> list[Instance]:
    """Labelled parts as instances, the largest first; ties in reading order of their first pixel.

    Parameters
    ----------
    labels : ndarray of int32, shape (height, width)
        Part of each pixel, 0 for none.
    origin : (int, int)
        y, x of the crop's top left pixel in the image.
    """
    numbers, first, sizes = np.unique(labels, return_index=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    return [
        Instance.from_mask(labels == numbers[part], origin) for part in order if numbers[part] != 0
    ]


def union(instances: Sequence[Instance]) -> Instance:
    """Pixels that any of the instances holds, with a tight box."""
    bbox = enclose(instance.bbox for instance in instances)
    mask = np.zeros((bbox[2] - bbox[0], bbox[3] - bbox[1]), dtype=bool)
    for instance in instances:
        mask |= instance.crop(bbox)
    return Instance.from_mask(mask, bbox[:2])


def common(instances: Sequence[Instance]) -> Instance:
    """Pixels that all of the instances hold, with a tight box; empty if there are none."""
    bbox = enclose(instance.bbox for instance in instances)
    mask = np.ones((bbox[2] - bbox[0], bbox[3] - bbox[1]), dtype=bool)
    for instance in instances:
        mask &= instance.crop(bbox)
    return Instance.from_mask(mask, bbox[:2])


def without(instance: Instance, region: Instance) -> Instance:
    """Pixels of the instance outside ``region``, with a tight box; empty if there are none."""
    return Instance.from_mask(instance.mask & ~region.crop(instance.bbox), instance.bbox[:2])


def contact(first: Instance, second: Instance) -> tuple[tuple[int, int], float]:
    """Pixel of ``second`` in the middle of where it is nearest to ``first``, and how near.

    Returns
    -------
    (int, int)
        y, x; in the overlap if there is one.
    float
        Euclidean distance between the nearest pixels of the two, 0 where they overlap.
    """
    bbox = enclose((first.bbox, second.bbox))
    distance = ndimage.distance_transform_edt(~first.crop(bbox))
    points = np.argwhere(second.crop(bbox))
    distances = distance[tuple(points.T)]
    nearest = points[distances == distances.min()]
    middle = nearest[np.argmin(np.hypot(*(nearest - nearest.mean(axis=0)).T))]
    return (int(middle[0]) + bbox[0], int(middle[1]) + bbox[1]), float(distances.min())


def filled(instance: Instance) -> Instance:
    """Instance without holes: background that does not reach the outside over pixels' edges."""
    return Instance.from_mask(ndimage.binary_fill_holes(instance.mask), instance.bbox[:2])


def grown(instance: Instance, pixels: int, shape: Shape) -> Instance:
    """Add everything within a Euclidean distance of ``pixels``, inside an image of ``shape``."""
    y0, x0, y1, x1 = instance.bbox
    bbox = clip_box((y0 - pixels, x0 - pixels, y1 + pixels, x1 + pixels), shape)
    distance = ndimage.distance_transform_edt(~instance.crop(bbox))
    return Instance.from_mask(distance <= pixels, bbox[:2])


def shrunk(instance: Instance, pixels: int, shape: Shape) -> Instance:
    """Remove everything within ``pixels`` (Euclidean) of the background.

    The edge of the image is no background: an object that leaves the image is not eaten there.
    """
    y0, x0, y1, x1 = instance.bbox
    outer = clip_box((y0 - 1, x0 - 1, y1 + 1, x1 + 1), shape)
    # The box fits tightly or has background in it, and one background pixel beside each of its
    # sides that is not the image's edge: all distances are measured inside ``outer``.
    mask = crop_to(instance.bbox, instance.mask, outer)
    if mask.all():
        return instance
    return Instance.from_mask(ndimage.distance_transform_edt(mask) > pixels, outer[:2])


def neighbours(
    nodes: NDArray[np.bool_], resistance: NDArray[np.float64] | None = None
) -> sparse.csr_array:
    """Graph of the true pixels in reading order: each with its 8 neighbours, by distance.

    Parameters
    ----------
    nodes : ndarray of bool, shape (height, width)
        The pixels.
    resistance : ndarray of float64, shape (height, width), optional
        Above 0; a step costs its length times the mean resistance of its ends. 1 by default.

    Returns
    -------
    csr_array of shape (n_nodes, n_nodes)
        Each pair of neighbours once; to be read as undirected.
    """
    number = np.full(nodes.shape, -1, dtype=np.int64)
    number[nodes] = np.arange(np.count_nonzero(nodes))
    rows, columns, lengths = [], [], []
    height, width = nodes.shape
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here = (slice(height - dy), slice(max(-dx, 0), width - max(dx, 0)))
        there = (slice(dy, None), slice(max(dx, 0), width - max(-dx, 0)))
        linked = (number[here] >= 0) & (number[there] >= 0)
        rows.append(number[here][linked])
        columns.append(number[there][linked])
        length = np.full(rows[-1].size, np.hypot(dy, dx))
        if resistance is not None:
            length *= (resistance[here][linked] + resistance[there][linked]) / 2
        lengths.append(length)
    n_nodes = int(np.count_nonzero(nodes))
    edges = (np.concatenate(rows), np.concatenate(columns))
    return sparse.csr_array((np.concatenate(lengths), edges), shape=(n_nodes, n_nodes))


def _clipped(
    start: NDArray[np.float64], end: NDArray[np.float64], size: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Part of a segment within one pixel of a crop of ``size`` (Liang and Barsky), or None.

    Without it, a line far outside the image would cost as much as it is long.
    """
    enter, leave = 0.0, 1.0
    for position, direction, extent in zip(start, end - start, size, strict=True):
        if abs(direction) < _STILL:
            if not -1 <= position <= extent:
                return None
            continue
        crossings = sorted(((-1 - position) / direction, (extent - position) / direction))
        enter, leave = max(enter, crossings[0]), min(leave, crossings[1])
    if enter > leave:
        return None
    return start + enter * (end - start), start + leave * (end - start)
