"""Entropy of instances over the patches of an image, and which of them hold a patch.

A patch is known by one number, its key, so that any of an image are looked up at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.patch_grid import PatchGrid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.instances import ProbabilisticInstance

#: Entropy is summed in integers, in units of 1 / SCALE nats: patches with the same votes tie
#: exactly, in whatever order their pixels are added up.
SCALE = 2**32


def key_stride(shape: Shape, patch: int) -> int:
    """Difference between the keys of a patch and of the one below it.

    There is a margin of one patch on both sides: neighbours outside the image are asked for, too.
    """
    return -(-shape[1] // max(patch, 1)) + 3


@dataclass(frozen=True, slots=True, eq=False)
class EntropyPatches:
    """Entropy of one instance over the patches that its box meets.

    Parameters
    ----------
    row, column : int
        Number of its first patch among those of the image.
    stride : int
        See `key_stride`.
    total : ndarray of int64, shape (n_rows, n_columns)
        Sum over the pixels of each patch, in 1 / `SCALE` nats.
    mean : ndarray of float64, shape (n_rows, n_columns)
        Mean over the patch's pixels inside the image, nats.
    """

    row: int
    column: int
    stride: int
    total: NDArray[np.int64]
    mean: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        instance: ProbabilisticInstance,
        shape: Shape,
        patch: int,
        levels: NDArray[np.int64],
    ) -> EntropyPatches:
        """Of an instance in an image of ``shape``.

        Parameters
        ----------
        instance : ProbabilisticInstance
            The instance.
        shape : (int, int)
            Height and width of the image, pixels.
        patch : int
            Side of a patch, pixels.
        levels : ndarray of int64, shape (n_draws + 1,)
            Entropy of a pixel that 0, 1, ... draws contain, in 1 / `SCALE` nats.

        Raises
        ------
        ValueError
            If ``patch`` is not positive.
        """
        grid = PatchGrid.around(instance.bbox, patch)
        total = grid.sums(levels.take(instance.counts), instance.bbox)
        mean = total / grid.sizes(shape) / SCALE
        return cls(grid.row, grid.column, key_stride(shape, patch), total, mean)

    def keys(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Keys, ascending, of the patches that are chosen on the instance's own grid."""
        rows, columns = np.nonzero(chosen)
        return self.corner + rows * self.stride + columns

    @property
    def corner(self) -> int:
        """Key of the first patch of the instance's own grid."""
        return (self.row + 1) * self.stride + self.column + 1

    def total_at(self, keys: NDArray[np.int64]) -> int:
        """Sum over the patches of these keys."""
        return int(self.total[self._inside(keys)].sum())

    def highest_at(self, keys: NDArray[np.int64]) -> float:
        """Highest mean over the patches of these keys; 0 if the instance has none of them."""
        return float(self.mean[self._inside(keys)].max(initial=0.0))

    def _inside(self, keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        rows, columns = np.divmod(keys, self.stride)
        rows -= self.row + 1
        columns -= self.column + 1
        n_rows, n_columns = self.total.shape
        own = (rows >= 0) & (rows < n_rows) & (columns >= 0) & (columns < n_columns)
        return rows[own], columns[own]


class PatchIndex:
    """Which of many lists of patches hold a patch."""

    def __init__(self, lists: Sequence[NDArray[np.int64]]) -> None:
        keys = _joined(lists)
        self._order = np.argsort(keys, kind="stable")
        self._keys = keys[self._order]
        self._owners = np.repeat(np.arange(len(lists)), [len(each) for each in lists])

    def meetings(
        self, asked: Sequence[NDArray[np.int64]]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """For every patch asked for, every list that holds it.

        Returns
        -------
        asking : ndarray of int, shape (n,)
            Position in ``asked`` of the list that asks.
        owner : ndarray of int, shape (n,)
            Position of the list that holds the patch.
        entry : ndarray of int, shape (n,)
            Position of the patch among those of all lists, one after the other.
        """
        keys = _joined(asked)
        askers = np.repeat(np.arange(len(asked)), [len(each) for each in asked])
        start = np.searchsorted(self._keys, keys, side="left")
        number = np.searchsorted(self._keys, keys, side="right") - start
        ends = np.cumsum(number)
        within = np.arange(number.sum()) - np.repeat(ends - number, number)
        entry = self._order[np.repeat(start, number) + within]
        return np.repeat(askers, number), self._owners[entry], entry


def _joined(lists: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(0, dtype=np.int64), *lists])
