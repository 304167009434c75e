"""The zoom of a place: a patch with its surroundings in the middle of the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.inference.scale import typical_width
from napari_probinst.widgets.canvas import camera, canvas_size, world_position

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari.layers import Layer

    from napari_probinst.core.boxes import BBox
    from napari_probinst.core.instances import Instance, Peak

#: The canvas shows this many times the context of a patch.
ZOOM_FACTOR = 5
#: An instance that has to be seen as a whole may widen the view by this factor, and has some room.
_WIDEST, _ROOM = 4, 1.15
#: Width of an object where there is none to measure, pixels.
_USUAL_WIDTH = 10.0


def zoom_to_peak(
    viewer: Any,
    layer: Layer,
    peak: Peak,
    patch: int,
    width: float,
    *,
    wholes: Sequence[BBox] = (),
    keep_zoom: bool = False,
) -> None:
    """Show a patch with its surroundings in the middle of the canvas.

    The context of a patch is the patch and one object's width on either side; the shorter side
    of the canvas shows `ZOOM_FACTOR` times that.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose camera moves.
    layer : Layer
        Two-dimensional layer in whose pixels the peak is given.
    peak : Peak
        The place.
    patch : int
        Side of the patch, pixels.
    width : float
        Typical width of an object, pixels.
    wholes : sequence of (int, int, int, int), default ()
        Boxes (y0, x0, y1, x1), the first of which that isn't far larger than the usual view is
        seen as a whole: in the middle, unless the usual view shows it anyway.
    keep_zoom : bool, default False
        Only move there.
    """
    centre = np.array([peak.y, peak.x]) + (patch - 1) / 2
    side = ZOOM_FACTOR * (patch + 2 * width)
    for whole in wholes:
        low, high = np.array(whole[:2]), np.array(whole[2:])
        if (low >= centre - side / 2).all() and (high <= centre + side / 2).all():
            break
        needed = _ROOM * float((high - low).max())
        if needed <= _WIDEST * side:
            centre, side = (low + high - 1) / 2, max(side, needed)
            break
    origin = world_position(viewer, layer, centre)
    steps = [world_position(viewer, layer, centre + step) - origin for step in np.eye(2)]
    pixel = max(float(np.linalg.norm(step)) for step in steps)
    view = camera(viewer)
    view.center = (0.0, *origin)
    if not keep_zoom:
        view.zoom = min(canvas_size(viewer)) / (side * pixel)


def object_width(instances: Iterable[Instance]) -> float:
    """Return `typical_width` in pixels, or a usual width where there is nothing to measure."""
    return typical_width(list(instances)) or _USUAL_WIDTH
