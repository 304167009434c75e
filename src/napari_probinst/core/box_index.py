"""Find the boxes near a box in a time that doesn't grow with their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_probinst.core.boxes import BBox

#: Side of the squares by which boxes are looked up, pixels: about the size of an instance.
CELL = 128


class BoxIndex:
    """Boxes by the squares of a grid that they meet.

    Parameters
    ----------
    boxes : sequence of (y0, x0, y1, x1), optional
        Numbered from 0; upper bounds exclusive. More may be added.
    """

    def __init__(self, boxes: Sequence[BBox] = ()) -> None:
        self._boxes: list[BBox] = list(boxes)
        self._n_entered = 0
        self._cells: dict[tuple[int, int], list[int]] = {}

    def add(self, bbox: BBox) -> None:
        """Add a box, whose number is that of the boxes before it."""
        self._boxes.append(bbox)

    def meeting(self, bbox: BBox) -> tuple[int, ...]:
        """Numbers, ascending, of the boxes that have a pixel in common with ``bbox``."""
        y0, x0, y1, x1 = bbox
        n_cells = ((y1 - 1) // CELL - y0 // CELL + 1) * ((x1 - 1) // CELL - x0 // CELL + 1)
        if n_cells > len(self._boxes):
            return self._meeting_of_all(bbox)
        self._enter()
        near = {number for cell in _cells(bbox) for number in self._cells.get(cell, ())}
        boxes = self._boxes
        return tuple(
            number
            for number in sorted(near)
            if boxes[number][0] < y1
            and y0 < boxes[number][2]
            and boxes[number][1] < x1
            and x0 < boxes[number][3]
        )

    def _meeting_of_all(self, bbox: BBox) -> tuple[int, ...]:
        """As `meeting`, for a box that most others may meet."""
        y0, x0, y1, x1 = np.array(self._boxes, dtype=np.int64).reshape(-1, 4).T
        meets = (y0 < bbox[2]) & (bbox[0] < y1) & (x0 < bbox[3]) & (bbox[1] < x1)
        return tuple(np.flatnonzero(meets).tolist())

    def _enter(self) -> None:
        """Enter the boxes that are new into the grid: when one is looked for, not before."""
        for number in range(self._n_entered, len(self._boxes)):
            for cell in _cells(self._boxes[number]):
                self._cells.setdefault(cell, []).append(number)
        self._n_entered = len(self._boxes)


def _cells(bbox: BBox) -> Iterator[tuple[int, int]]:
    y0, x0, y1, x1 = bbox
    for row in range(y0 // CELL, (y1 - 1) // CELL + 1):
        for column in range(x0 // CELL, (x1 - 1) // CELL + 1):
            yield row, column
