"""Local maxima of the instances' entropy over patches, the ripples of higher ones left out.

Instances are looked at in batches, their grids one below the other on one page: what there is to
do for one is little beside the price of asking for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_probinst.core.neighbourhood import EIGHT_NEIGHBOURS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.inference.entropy_patches import EntropyPatches

#: Maxima of one instance are one peak where the way between them never falls below this
#: fraction of the lower one: disagreement about a whole worm is a plateau with ripples.
RIPPLE = 0.5
#: Grids on a page: one of worms then has some 100,000 patches.
_BATCH = 256


@dataclass(frozen=True, slots=True, eq=False)
class Summit:
    """A local maximum of one instance.

    Parameters
    ----------
    instance : int
        Its index.
    entropy : float
        Mean over each patch of the top, nats.
    top : ndarray of int64, shape (n_top,)
        Keys, ascending, of the patches with this entropy.
    region : ndarray of int64, shape (n_patches,)
        Keys, ascending, of the patches that lead there with at least `RIPPLE` times it.
    """

    instance: int
    entropy: float
    top: NDArray[np.int64]
    region: NDArray[np.int64]


def find_summits(grids: Sequence[EntropyPatches]) -> list[Summit]:
    """Find the maxima of all instances.

    A local maximum over the patches (8 neighbours, a plateau being one) counts unless patches with
    at least `RIPPLE` times its entropy lead to a higher one.

    Parameters
    ----------
    grids : sequence of EntropyPatches
        One of each instance, with the same stride.

    Returns
    -------
    list of Summit
        By instance, of each the highest first, what ties by position.
    """
    return [
        summit
        for start in range(0, len(grids), _BATCH)
        for summit in sorted(
            _on_one_page(grids[start : start + _BATCH], start), key=lambda each: each.instance
        )
    ]


def _on_one_page(grids: Sequence[EntropyPatches], first: int) -> Iterator[Summit]:
    """Of some instances, whose indices begin at ``first``; those of each the highest first."""
    mean, owner, key = _page(grids)
    left = (mean > 0) & (mean == _highest_beside(mean))
    # From the highest on: a maximum whose region holds a higher one is settled by that one's
    # region, as its own reaches farther.
    while left.any():
        height = np.zeros(len(grids))
        np.maximum.at(height, owner, np.where(left, mean, 0).max(axis=1))
        more = height[owner] > 0
        mean, left, owner, key = mean[more], left[more], owner[more], key[more]
        own_height = height[owner][:, None]
        regions, n_regions = ndimage.label(mean >= RIPPLE * own_height, EIGHT_NEIGHBOURS)
        patches, ends = _members(regions, n_regions)
        rows, columns = np.divmod(patches, mean.shape[1])
        values, keys, begins = mean[rows, columns], key[rows] + columns, np.append(0, ends[:-1])
        highest = np.maximum.reduceat(values, begins)
        is_top = values == np.repeat(highest, ends - begins)
        owners = owner[rows[begins]]
        for number in np.flatnonzero(highest == height[owners]).tolist():
            region = slice(begins[number], ends[number])
            top = keys[region][is_top[region]]
            yield Summit(first + int(owners[number]), float(highest[number]), top, keys[region])
        # What lies in no region is settled by none.
        left &= (mean < own_height) & (mean >= np.append(0, highest)[regions])


def _page(
    grids: Sequence[EntropyPatches],
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Grids one below the other, of each row its owner, and the key of its first patch.

    An empty row below each grid parts it from the next.
    """
    heights = [grid.mean.shape[0] + 1 for grid in grids]
    mean = np.zeros((sum(heights), max(grid.mean.shape[1] for grid in grids)))
    begin = np.cumsum([0, *heights])
    for start, grid in zip(begin.tolist(), grids, strict=False):
        rows, columns = grid.mean.shape
        mean[start : start + rows, :columns] = grid.mean
    owner = np.repeat(np.arange(len(grids)), heights)
    within = np.arange(len(mean)) - begin[owner]
    corner = np.array([grid.corner for grid in grids], dtype=np.int64)
    return mean, owner, corner[owner] + within * grids[0].stride


def _members(
    regions: NDArray[np.int32], n_regions: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Flat positions of the patches of each region, ascending, and where each region's end."""
    patches = np.flatnonzero(regions)
    number = regions.flat[patches]
    order = np.argsort(number, kind="stable")
    return patches[order], np.cumsum(np.bincount(number, minlength=n_regions + 1)[1:])


def _highest_beside(mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Highest of each patch and its eight neighbours."""
    height, width = mean.shape
    padded = np.zeros((height + 2, width + 2))
    padded[1:-1, 1:-1] = mean
    rows = np.maximum(np.maximum(padded[:-2], padded[1:-1]), padded[2:])
    return np.maximum(np.maximum(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:])
