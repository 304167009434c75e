"""Outlines of a mask along the edges of its pixels, which lose nothing and add nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.core.instances import Instance


def outlines(instance: Instance) -> list[NDArray[np.int64]]:
    """Closed polygons around the pieces of an instance and around its holes.

    Pixel (y, x) covers y to y + 1 and x to x + 1. A polygon has a corner only where it turns.
    Pixels that touch by a corner alone belong to two pieces, each with a polygon of its own.

    Returns
    -------
    list of ndarray of int64, shape (n_corners, 2)
        x and y of the corners, the last one joined to the first. Pieces run clockwise (as seen
        with y downwards) and holes the other way, so that filling by the even-odd and by the
        nonzero rule gives the same pixels: those of the instance.

    Notes
    -----
    Along every line of the grid, the corners on it, in order, are in turn the start and the end
    of an edge. Pairing them so along rows and along columns links all corners to rings.
    """
    padded = np.pad(instance.mask, 1)
    top_left, top_right = padded[:-1, :-1], padded[:-1, 1:]
    bottom_left, bottom_right = padded[1:, :-1], padded[1:, 1:]
    turns = (top_left ^ top_right ^ bottom_left ^ bottom_right) != 0
    touching = (top_left == bottom_right) & (top_right == bottom_left) & (top_left != top_right)
    # Where two pixels touch by their corners, two polygons have a corner.
    y, x = np.nonzero(turns | touching)
    copies = np.where(touching[y, x], 2, 1)
    y, x = np.repeat(y, copies), np.repeat(x, copies)
    copy = np.zeros(len(y), np.int64)
    copy[1:] = (y[1:] == y[:-1]) & (x[1:] == x[:-1])
    # The first copy ends the edge from the left. Which of the two ends the one from above,
    # decides which pixel its polygon goes around.
    falling = top_left[y, x]
    along_row = _partners(np.lexsort((copy, x, y)))
    along_column = _partners(np.lexsort((np.where(falling, copy, -copy), y, x)))
    origin = np.array([instance.bbox[1], instance.bbox[0]])
    corners = np.stack((x, y), axis=1)
    polygons = []
    for ring in _rings(along_row.tolist(), along_column.tolist()):
        first = ring[0]
        is_piece = bool(bottom_right[y[first], x[first]])
        polygons.append(corners[ring if is_piece else ring[::-1]] + origin)
    return polygons


def _partners(order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Partner of each corner, where the first and second in ``order`` are one pair, and so on."""
    partners = np.empty_like(order)
    partners[order[0::2]], partners[order[1::2]] = order[1::2], order[0::2]
    return partners


def _rings(along_row: list[int], along_column: list[int]) -> list[list[int]]:
    """Rings of corners; each begins at its topmost, leftmost one and first goes to the right."""
    rings = []
    seen = [False] * len(along_row)
    for start in range(len(along_row)):
        ring: list[int] = []
        corner = start
        while not seen[corner]:
            across = along_row[corner]
            seen[corner] = seen[across] = True
            ring += (corner, across)
            corner = along_column[across]
        if ring:
            rings.append(ring)
    return rings
