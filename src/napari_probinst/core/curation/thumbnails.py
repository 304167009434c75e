"""Small pictures of a place: outlines of instances over the image, to choose between opinions.

Everything is sampled at the pixels of the thumbnail, so that its cost doesn't grow with the
image or the instances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.boxes import clip_box, enclose

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox, Shape
    from napari_probinst.core.instances import Instance

#: Red, green and blue, 0 to 255.
Colour = tuple[int, int, int]

#: Longest side of the part of the image that is shown, and the shortest, pixels.
LONGEST, SHORTEST = 200, 40
#: Context around the instances, pixels.
_MARGIN = 8
#: Of the grey values inside a crop those between these percentiles are told apart.
_CONTRAST = (1.0, 99.0)
#: Darkest and brightest grey: outlines must stand out from both.
_DARK, _BRIGHT = 16, 176
#: Grey where there is no image.
_NO_IMAGE = 40
#: How strongly an instance's area, an overlap, and the outline of an instance beside it are seen.
_TINT, _OVERLAP, _BESIDE = 0.2, 0.65, 0.45
#: The place in doubt is framed at this distance, so that the frame doesn't cover it; pixels.
_FRAME_DISTANCE = 3
WHITE: Colour = (255, 255, 255)
#: Yellow of Okabe and Ito, as peaks have it everywhere.
FRAME: Colour = (240, 228, 66)


def field_of_view(boxes: Iterable[BBox], place: BBox, shape: Shape) -> BBox:
    """Part of an image that shows a place with the instances there, or as much as has room.

    Parameters
    ----------
    boxes : iterable of (y0, x0, y1, x1)
        Boxes of the instances, pixels.
    place : (y0, x0, y1, x1)
        What must be in view, pixels.
    shape : (int, int)
        Height and width of the image.

    Returns
    -------
    (y0, x0, y1, x1)
        A square of `SHORTEST` to `LONGEST` pixels a side; less where the image ends.
    """
    around = enclose([place, *boxes])
    extent = max(around[2] - around[0], around[3] - around[1]) + 2 * _MARGIN
    side = min(max(extent, SHORTEST), LONGEST)
    sides = [_interval(around[axis::2], place[axis::2], side, shape[axis]) for axis in (0, 1)]
    (y0, y1), (x0, x1) = sides
    return (y0, x0, y1, x1)


def _interval(
    around: tuple[int, ...], place: tuple[int, ...], side: int, length: int
) -> tuple[int, int]:
    """Interval of ``side`` around the middle of ``around``, or as near as ``place`` allows."""
    spare = max(side - (place[1] - place[0]), 0) // 3
    nearest = (place[1] - side + spare, place[0] - spare)
    start = min(max((around[0] + around[1] - side) // 2, nearest[0]), nearest[1])
    start = max(min(start, length - side), 0)
    return start, min(start + side, length)


@dataclass(frozen=True, slots=True, eq=False)
class Backdrop:
    """The image at a place, ready for outlines to be drawn on.

    Parameters
    ----------
    field : (y0, x0, y1, x1)
        Part of the image that is shown, pixels.
    rows, columns : ndarray of int64, shapes (height,) and (width,)
        Pixel of the image that each row and column of the thumbnail shows.
    picture : ndarray of uint8, shape (height, width, 3)
        What is behind the outlines.
    """

    field: BBox
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    picture: NDArray[np.uint8]

    @classmethod
    def create(
        cls,
        image: Any | None,
        field: BBox,
        side: int,
        beside: Iterable[Instance] = (),
    ) -> Backdrop:
        """Sample the image, and outline the instances that are not in question.

        Parameters
        ----------
        image : array of shape (height, width), optional
            Anything that is sliced like an array; only ``field`` is read. None for plain grey.
        field : (y0, x0, y1, x1)
            What to show, e.g. from `field_of_view`.
        side : int
            Longer side of the thumbnail, its pixels.
        beside : iterable of Instance, optional
            Instances to outline faintly.

        Raises
        ------
        ValueError
            If the field is empty or the image is no plane.
        """
        y0, x0, y1, x1 = clip_box(field, (field[2], field[3]))
        if y0 >= y1 or x0 >= x1:
            raise ValueError(f"the field of view {field} is empty")
        scale = side / max(y1 - y0, x1 - x0)
        rows, columns = _sampled(y0, y1, scale), _sampled(x0, x1, scale)
        grey = np.full((len(rows), len(columns)), _NO_IMAGE, dtype=np.float64)
        if image is not None:
            crop = np.asarray(image[y0:y1, x0:x1])
            if crop.ndim != 2:
                raise ValueError(f"expected a plane of height and width, got shape {image.shape}")
            grey = _grey(crop)[np.ix_(rows - y0, columns - x0)]
        canvas = np.repeat(grey[..., None], 3, axis=2)
        for instance in beside:
            _blend(canvas, _outline(_on_grid(instance, rows, columns)), WHITE, _BESIDE)
        return cls((y0, x0, y1, x1), rows, columns, canvas.astype(np.uint8))

    def draw(
        self, instances: Sequence[Instance], colours: Sequence[Colour], place: BBox
    ) -> NDArray[np.uint8]:
        """Draw instances and frame a place.

        Parameters
        ----------
        instances : sequence of Instance
            They are outlined and faintly filled; where several lie it is filled with white.
        colours : sequence of (red, green, blue)
            One an instance, 0 to 255.
        place : (y0, x0, y1, x1)
            What to frame, pixels of the image.

        Returns
        -------
        ndarray of uint8, shape (height, width, 3)
            The thumbnail, red, green, blue.
        """
        canvas = self.picture.astype(np.float64)
        masks = [_on_grid(instance, self.rows, self.columns) for instance in instances]
        for mask, colour in zip(masks, colours, strict=True):
            _blend(canvas, mask, colour, _TINT)
        cover = np.sum(masks, axis=0) if masks else np.zeros(canvas.shape[:2])
        _blend(canvas, cover > 1, WHITE, _OVERLAP)
        for mask, colour in zip(masks, colours, strict=True):
            _blend(canvas, _outline(mask), colour, 1.0)
        _blend(canvas, self._frame(place), FRAME, 1.0)
        return np.rint(canvas).astype(np.uint8)

    def _frame(self, place: BBox) -> NDArray[np.bool_]:
        y0, x0, y1, x1 = place
        box = (y0 - _FRAME_DISTANCE, x0 - _FRAME_DISTANCE, y1 + _FRAME_DISTANCE, x1)
        rows = (self.rows >= box[0]) & (self.rows < box[2])
        columns = (self.columns >= box[1]) & (self.columns < box[3] + _FRAME_DISTANCE)
        return _outline(np.outer(rows, columns))


def _sampled(start: int, stop: int, scale: float) -> NDArray[np.int64]:
    """Pixels of the image in the middle of each pixel of the thumbnail."""
    length = max(round((stop - start) * scale), 1)
    middles = start + (np.arange(length) + 0.5) * (stop - start) / length
    return middles.astype(np.int64)


def _grey(crop: NDArray[Any]) -> NDArray[np.float64]:
    """Grey values with the contrast of the crop; NaN and infinite values are dark."""
    values = np.asarray(crop, dtype=np.float64)
    finite = np.isfinite(values)
    if not finite.any():
        return np.full(values.shape, float(_DARK))
    low, high = np.percentile(values[finite], _CONTRAST)
    share = np.where(finite, (values - low) / (high - low if high > low else 1.0), 0.0)
    grey: NDArray[np.float64] = _DARK + np.clip(share, 0, 1) * (_BRIGHT - _DARK)
    return grey


def _on_grid(
    instance: Instance, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Mask of an instance at some rows and columns of the image."""
    y0, x0, y1, x1 = instance.bbox
    mask = np.zeros((len(rows), len(columns)), dtype=bool)
    first_row, last_row = np.searchsorted(rows, (y0, y1))
    first_column, last_column = np.searchsorted(columns, (x0, x1))
    sampled = np.ix_(rows[first_row:last_row] - y0, columns[first_column:last_column] - x0)
    mask[first_row:last_row, first_column:last_column] = instance.mask[sampled]
    return mask


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of a mask with a neighbour (of 8) outside; what leaves the picture stays open."""
    wide = np.pad(mask, 1, mode="edge")
    tall = wide[:, :-2] & wide[:, 1:-1] & wide[:, 2:]
    inner = tall[:-2] & tall[1:-1] & tall[2:]
    return mask & ~inner


def _blend(
    canvas: NDArray[np.float64], where: NDArray[np.bool_], colour: Colour, strength: float
) -> None:
    """Mix a colour into the pixels of a picture that are true in ``where``."""
    canvas[where] += strength * (np.array(colour, dtype=np.float64) - canvas[where])
