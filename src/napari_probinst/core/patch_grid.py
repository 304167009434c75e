"""Square patches on a grid that starts at the image's top left pixel.

An instance is looked at in its own box; the patches that the box meets are the image's, so that
those of different instances are the same places.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.boxes import clip_box, window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox, Shape
    from napari_probinst.core.instances import Instance


@dataclass(frozen=True, slots=True)
class PatchGrid:
    """The patches of an image that a box meets.

    Parameters
    ----------
    patch : int
        Side of a patch, pixels.
    row, column : int
        First patch on the image's grid: its top left pixel is (row, column) · patch.
    rows, columns : int
        Number of patches.
    """

    patch: int
    row: int
    column: int
    rows: int
    columns: int

    @classmethod
    def around(cls, bbox: BBox, patch: int) -> PatchGrid:
        """All patches that hold a pixel of ``bbox``.

        Raises
        ------
        ValueError
            If ``patch`` is not positive.
        """
        if patch < 1:
            raise ValueError(f"a patch has at least one pixel a side, got {patch}")
        y0, x0, y1, x1 = bbox
        row, column = y0 // patch, x0 // patch
        return cls(patch, row, column, -(-y1 // patch) - row, -(-x1 // patch) - column)

    @property
    def bbox(self) -> BBox:
        """Box of all patches; those at the lower and right edge may reach beyond the image."""
        top, left = self.row * self.patch, self.column * self.patch
        return (top, left, top + self.rows * self.patch, left + self.columns * self.patch)

    def bbox_in(self, shape: Shape) -> BBox:
        """Box of all patches, cut off at the edges of an image of ``shape``."""
        return clip_box(self.bbox, shape)

    def sums(self, values: NDArray[Any], bbox: BBox) -> NDArray[Any]:
        """Sum over each patch of ``values``, which lie at ``bbox``; 0 elsewhere.

        Parameters
        ----------
        values : ndarray of shape (y1 - y0, x1 - x0)
            Truth values are counted.
        bbox : (int, int, int, int)
            Inside this grid's own box.

        Returns
        -------
        ndarray of int64 or float64, shape (rows, columns)
        """
        dtype = np.float64 if values.dtype.kind == "f" else np.int64
        whole = np.zeros((self.rows * self.patch, self.columns * self.patch), dtype=dtype)
        whole[window(bbox, self.bbox)] = values
        # One addition a row and one a column of the patch: numpy is slow along axes so short.
        offsets = range(self.patch)
        rows = reduce(np.add, (whole[offset :: self.patch] for offset in offsets))
        return np.asarray(reduce(np.add, (rows[:, offset :: self.patch] for offset in offsets)))

    def sizes(self, shape: Shape) -> NDArray[np.int64]:
        """Pixels of each patch inside an image of ``shape``, int64, shape (rows, columns)."""
        y0, x0, _, _ = self.bbox
        heights = np.minimum(self.patch, shape[0] - y0 - np.arange(self.rows) * self.patch)
        widths = np.minimum(self.patch, shape[1] - x0 - np.arange(self.columns) * self.patch)
        return np.outer(heights, widths)


def middle_patch(instance: Instance, patch: int) -> tuple[int, int]:
    """Top left pixel of the patch that holds the instance's pixel nearest to their mean.

    Parameters
    ----------
    instance : Instance
        One without pixels has its box's first patch.
    patch : int
        Side of a patch, pixels.
    """
    pixels = np.argwhere(instance.mask)
    if not len(pixels):
        return instance.bbox[0] // patch * patch, instance.bbox[1] // patch * patch
    middle = pixels[np.argmin(np.square(pixels - pixels.mean(axis=0)).sum(axis=1))]
    y, x = ((middle + instance.bbox[:2]) // patch * patch).tolist()
    return y, x
