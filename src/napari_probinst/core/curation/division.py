"""Division of a mask into a given number of parts along its shape, where nobody placed seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.sparse import csgraph

from napari_probinst.core.curation import geometry
from napari_probinst.core.neighbourhood import EIGHT_NEIGHBOURS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from scipy import sparse

#: Times that the parts' centres are moved, at most.
MOVES = 6


def divide(mask: NDArray[np.bool_], n_parts: int) -> NDArray[np.int32] | None:
    """Divide a mask into parts along its shape, cut where it is narrow.

    K-means on the mask: every pixel goes to the centre it is easiest to reach from, and centres
    move to the middle of their part (Lloyd 1982). A step costs its length over its depth, the
    distance to the outside: a neck is far to go, so that cells which touch part there, and a
    worm of even width parts at equal lengths. Of two starts the better result is taken: centres
    far apart (Gonzalez 1985), which suits a cluster, and in a row, which suits a worm.

    Parameters
    ----------
    mask : ndarray of bool, shape (height, width)
        What to divide. Debris (`geometry.least_part`) follows the part that is nearest.
    n_parts : int
        From 2.

    Returns
    -------
    ndarray of int32, shape (height, width), or None
        Part of each pixel from 1, 0 outside ``mask``; None if it has no room for so many parts,
        each larger than debris.
    """
    least = geometry.least_part(mask)
    pieces, _ = ndimage.label(mask, EIGHT_NEIGHBOURS)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    body = (sizes >= least)[pieces]
    points = np.argwhere(body)
    if len(points) < n_parts:
        return None
    # The crop's edge is outside, too: a mask that fills its box is deepest in its middle.
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    nodes = _Nodes(points, depth[body], _both_ways(geometry.neighbours(body, 1 / depth.clip(1))))
    from_tip = _distances_from_tip(_both_ways(geometry.neighbours(body)))
    rows = np.array_split(np.argsort(from_tip, kind="stable"), n_parts)
    found = [
        _settled(nodes, start)
        for start in (_far_apart(nodes, n_parts), [nodes.middle(row) for row in rows])
    ]
    labels = np.zeros(mask.shape, dtype=np.int32)
    labels[body] = min(found, key=lambda each: each[0])[1] + 1
    labels = geometry.spread(labels, mask)
    sizes = np.bincount(labels[mask], minlength=n_parts + 1)[1:]
    return labels if (sizes >= least).all() else None


@dataclass(frozen=True, slots=True, eq=False)
class _Nodes:
    """Pixels to divide, and what it costs to go from one to the next."""

    points: NDArray[np.int64]  # y, x; shape (n_nodes, 2)
    depth: NDArray[np.float64]  # distance to the outside, pixels
    costs: sparse.csr_array  # between neighbours, both ways

    def middle(self, part: NDArray[np.int64]) -> int:
        """Node of a part that is near its centroid, and deep: never at the rim of a bent part."""
        offsets = self.points[part] - self.points[part].mean(axis=0)
        return int(part[np.argmin(np.hypot(*offsets.T) - 2 * self.depth[part])])

    def nearest(self, centres: Sequence[int]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Index of each node's nearest centre and the cost of going there; -1 and inf if none."""
        cost, _, source = csgraph.dijkstra(
            self.costs, indices=centres, min_only=True, return_predecessors=True
        )
        number = np.full(len(self.points) + 1, -1, dtype=np.int32)
        number[list(centres)] = np.arange(len(centres))
        return number[np.where(source >= 0, source, -1)], cost


def _settled(nodes: _Nodes, centres: Sequence[int]) -> tuple[tuple[int, float], NDArray[np.int32]]:
    """Loss (nodes without a centre, squared costs), and the part of each node, at rest."""
    part, cost = nodes.nearest(centres)
    for _ in range(MOVES):
        moved = [nodes.middle(np.flatnonzero(part == number)) for number in range(len(centres))]
        if moved == centres:
            break
        centres = moved
        part, cost = nodes.nearest(centres)
    reached = cost[part >= 0]
    return (len(part) - len(reached), float((reached**2).sum())), part


def _far_apart(nodes: _Nodes, number: int) -> list[int]:
    """Nodes far from one another: each the farthest from those before it, the first at a tip."""
    cost = csgraph.dijkstra(nodes.costs, indices=0)
    chosen = [int(np.argmax(cost))]
    while len(chosen) < number:
        _, cost = nodes.nearest(chosen)
        chosen.append(int(np.argmax(cost)))
    return chosen


def _distances_from_tip(lengths: sparse.csr_array) -> NDArray[np.float64]:
    """Distance of each node, inside the mask, from the one farthest from the first node."""
    tip = int(np.argmax(csgraph.dijkstra(lengths, indices=0)))
    distances: NDArray[np.float64] = csgraph.dijkstra(lengths, indices=tip)
    return distances


def _both_ways(graph: sparse.csr_array) -> sparse.csr_array:
    return graph + graph.T
