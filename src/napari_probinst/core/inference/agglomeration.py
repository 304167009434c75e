"""Agglomerate the instances of all draws into probabilistic instances (section 2.3).

The draw with most instances is the base; the others are matched to it one after the other so
that the sum of IoU is largest, and each matched instance extends its partner. Unmatched
instances are added to the base. The paper solves one dense assignment problem a draw; only
instances with common pixels can be matched, so a sparse one with the same optimum is solved
here, whose cost grows with the number of instances and not with its square.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from napari_probinst.core.box_pairs import meeting_boxes
from napari_probinst.core.boxes import crop_to, enclose, window
from napari_probinst.core.instances import ProbabilisticInstance, ProbabilisticInstances

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox
    from napari_probinst.core.instances import Instance, InstanceSet

#: Counts are stored in eight bits.
MAX_DRAWS = 255


def agglomerate(draws: Sequence[InstanceSet]) -> ProbabilisticInstances:
    """Match the draws' instances and count for each pixel the draws that contain it.

    The base is the draw with most instances (the first of several), then come the others in
    their order. A pair without common pixels is no match. A matched instance adds to the
    counts, and its union with its partner is what later draws are matched to. An unmatched
    instance becomes a new one with its own counts.

    Parameters
    ----------
    draws : sequence of InstanceSet
        Instances of each draw, 1 to 255 draws of one image.

    Returns
    -------
    ProbabilisticInstances
        The base's instances in their order, then the new ones in the order they came.

    Raises
    ------
    ValueError
        If there are no draws or more than 255, or their shapes differ.
    """
    if not 1 <= len(draws) <= MAX_DRAWS:
        raise ValueError(f"agglomeration takes 1 to {MAX_DRAWS} draws, got {len(draws)}")
    shape = draws[0].shape
    if any(draw.shape != shape for draw in draws):
        raise ValueError(f"draws of one image have one shape, got {[d.shape for d in draws]}")
    base = max(range(len(draws)), key=lambda index: (len(draws[index]), -index))
    grown: list[_Union] = []
    for index in (base, *(other for other in range(len(draws)) if other != base)):
        instances = draws[index].instances
        areas = draws[index].areas().tolist()
        partners = _match(grown, instances, areas)
        for position, (instance, area) in enumerate(zip(instances, areas, strict=True)):
            partner, common = partners.get(position, (None, 0))
            if partner is None:
                union = _Union(instance.bbox, np.zeros(instance.mask.shape, np.uint8), 0, {})
                grown.append(union)
            else:
                union = grown[partner]
            union.add(instance, area - common, index, position)
    return ProbabilisticInstances(
        shape,
        tuple(
            ProbabilisticInstance(
                union.bbox, union.counts, tuple(union.matches.get(i) for i in range(len(draws)))
            )
            for union in grown
        ),
        tuple(draws),
    )


@dataclass(slots=True)
class _Union:
    """Instances of several draws on their way to a probabilistic instance."""

    bbox: BBox
    counts: NDArray[np.uint8]
    area: int
    matches: dict[int, int]

    def add(self, instance: Instance, gained: int, draw: int, position: int) -> None:
        """Add an instance of a draw, ``gained`` of whose pixels are new."""
        y0, x0, y1, x1 = instance.bbox
        top, left, bottom, right = self.bbox
        if y0 < top or x0 < left or y1 > bottom or x1 > right:
            bbox = enclose([self.bbox, instance.bbox])
            self.counts = crop_to(self.bbox, self.counts, bbox)
            self.bbox = bbox
        self.counts[window(instance.bbox, self.bbox)] += instance.mask
        self.area += gained
        self.matches[draw] = position


def _match(
    unions: Sequence[_Union], instances: Sequence[Instance], areas: Sequence[int]
) -> dict[int, tuple[int, int]]:
    """Partner in ``unions``, and pixels in common, of each position that has one."""
    first = np.array([union.bbox for union in unions], dtype=np.int64).reshape(-1, 4)
    second = np.array([instance.bbox for instance in instances], dtype=np.int64).reshape(-1, 4)
    pairs = meeting_boxes(first, second)
    shared: list[int] = []
    for row, column in pairs.tolist():
        union, instance = unions[row], instances[column]
        y0, x0, y1, x1 = union.bbox
        top, left, bottom, right = instance.bbox
        low, near = max(y0, top), max(x0, left)
        high, far = min(y1, bottom), min(x1, right)
        both = np.logical_and(
            union.counts[low - y0 : high - y0, near - x0 : far - x0],
            instance.mask[low - top : high - top, near - left : far - left],
        )
        shared.append(int(np.count_nonzero(both)))
    common = np.array(shared, dtype=np.int64)
    total = np.array([union.area for union in unions], dtype=np.int64)[pairs[:, 0]]
    total += np.array(areas, dtype=np.int64)[pairs[:, 1]]
    touching = common > 0
    pairs, common = pairs[touching], common[touching]
    chosen = best_assignment(pairs, common / (total[touching] - common))
    return {
        column: (row, both)
        for (row, column), both in zip(pairs[chosen].tolist(), common[chosen].tolist(), strict=True)
    }


def best_assignment(pairs: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """Choose pairs with the largest sum of weights, each row and each column at most once.

    A pair that outweighs the best alternatives of its row and of its column together belongs
    to every best assignment. Taking these first leaves few contested pairs, in small
    connected groups, each solved by the Hungarian algorithm.

    Parameters
    ----------
    pairs : ndarray of int, shape (n_pairs, 2)
        Row and column of each possible pair, no pair twice.
    weights : ndarray of float, shape (n_pairs,)
        Positive weights.

    Returns
    -------
    ndarray of int, shape (n_chosen,)
        Indices of the chosen pairs, ascending.
    """
    chosen = []
    left = np.arange(len(pairs))
    while left.size:
        rows, columns = pairs[left].T
        rivals = _best_other(rows, weights[left]) + _best_other(columns, weights[left])
        sure = weights[left] > rivals
        if not sure.any():
            chosen.append(_solve_groups(rows, columns, weights[left], left))
            break
        chosen.append(left[sure])
        left = left[~np.isin(rows, rows[sure]) & ~np.isin(columns, columns[sure])]
    return np.sort(np.concatenate([np.zeros(0, dtype=np.int64), *chosen]))


def _best_other(groups: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Largest weight of the other members of each one's group; 0 if there are none."""
    order = np.lexsort((-weights, groups))
    groups, ranked = groups[order], weights[order]
    leads = np.append(True, groups[1:] != groups[:-1])
    followed = np.append(~leads[1:], False)
    best = ranked[np.maximum.accumulate(np.where(leads, np.arange(len(order)), 0))]
    runner_up = np.where(followed, np.append(ranked[1:], 0.0), 0.0)
    result = np.empty_like(weights)
    result[order] = np.where(leads, runner_up, best)
    return result


def _solve_groups(
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    weights: NDArray[np.float64],
    index: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Optimal pairs, as values of ``index``, by one dense problem for each connected group."""
    _, rows = np.unique(rows, return_inverse=True)
    _, columns = np.unique(columns, return_inverse=True)
    n_rows, n_columns = int(rows.max()) + 1, int(columns.max()) + 1
    size = n_rows + n_columns
    graph = coo_matrix((np.ones(len(rows), bool), (rows, columns + n_rows)), shape=(size, size))
    group = connected_components(graph, directed=False)[1][rows]
    order = np.argsort(group, kind="stable")
    chosen = []
    for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        _, row = np.unique(rows[members], return_inverse=True)
        _, column = np.unique(columns[members], return_inverse=True)
        table = np.zeros((row.max() + 1, column.max() + 1))
        pair = np.full(table.shape, -1)
        table[row, column] = weights[members]
        pair[row, column] = index[members]
        best = pair[linear_sum_assignment(table, maximize=True)]
        chosen.append(best[best >= 0])
    return np.concatenate(chosen)
