"""Which of very many boxes meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def meeting_boxes(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find the boxes of two lists that share a pixel.

    The boxes are put into square cells of about their own size; those in a common cell are
    compared. Time and memory grow with the boxes and the pairs, not with their product.

    Parameters
    ----------
    first, second : ndarray of int64, shape (n, 4)
        Boxes y0, x0, y1, x1, none of them negative. Empty ones share no pixel.

    Returns
    -------
    ndarray of int64, shape (n_pairs, 2)
        Indices in ``first`` and in ``second``, sorted.
    """
    boxes = np.concatenate([first, second])
    if len(first) == 0 or len(second) == 0:
        return np.zeros((0, 2), dtype=np.int64)
    side = max(int((boxes[:, 2:] - boxes[:, :2]).mean()), 1)
    columns = int(boxes[:, 3].max()) // side + 1
    first_cells, first_boxes = _cells(first, side, columns)
    second_cells, second_boxes = _cells(second, side, columns)
    order = np.argsort(second_cells, kind="stable")
    second_cells, second_boxes = second_cells[order], second_boxes[order]
    start = np.searchsorted(second_cells, first_cells, side="left")
    n_partners = np.searchsorted(second_cells, first_cells, side="right") - start
    rows = np.repeat(first_boxes, n_partners)
    partners = second_boxes[np.repeat(start, n_partners) + _ranges(n_partners)]
    pairs = np.unique(rows * len(second) + partners)
    rows, partners = np.divmod(pairs, len(second))
    low = np.maximum(first[rows, :2], second[partners, :2])
    high = np.minimum(first[rows, 2:], second[partners, 2:])
    return np.stack([rows, partners], axis=1)[(low < high).all(axis=1)]


def _cells(
    boxes: NDArray[np.int64], side: int, columns: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every cell that a box reaches, and the index of the box; empty boxes reach none."""
    top_left = boxes[:, :2] // side
    extent = (boxes[:, 2:] - 1) // side + 1 - top_left
    extent[(boxes[:, 2:] <= boxes[:, :2]).any(axis=1)] = 0
    n_cells = extent.prod(axis=1)
    index = np.repeat(np.arange(len(boxes)), n_cells)
    row, column = np.divmod(_ranges(n_cells), extent[index, 1])
    return (top_left[index, 0] + row) * columns + top_left[index, 1] + column, index


def _ranges(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, ... length − 1 for each of the lengths, one after the other."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)
