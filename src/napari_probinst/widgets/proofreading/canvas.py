"""The canvas: zoom to a place, pixels under the mouse, and a text that can't be missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.inference.scale import typical_width

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox, Shape
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
    origin = _world(viewer, layer, centre)
    steps = [_world(viewer, layer, centre + step) - origin for step in np.eye(2)]
    pixel = max(float(np.linalg.norm(step)) for step in steps)
    view = camera(viewer)
    view.center = (0.0, *origin)
    if not keep_zoom:
        view.zoom = min(canvas_size(viewer)) / (side * pixel)


def view_box(viewer: Any, layer: Layer) -> BBox:
    """Pixels of a two-dimensional layer that the canvas shows, also beyond its edges."""
    half = np.array(canvas_size(viewer)) / 2
    corners = [
        point_at(layer, position_at(viewer, half * signs))
        for signs in ((-1, -1), (-1, 1), (1, -1), (1, 1))
    ]
    low, high = np.floor(np.min(corners, axis=0)), np.ceil(np.max(corners, axis=0))
    return (int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1)


def object_width(instances: Iterable[Instance]) -> float:
    """Return `typical_width` in pixels, or a usual width where there is nothing to measure."""
    return typical_width(list(instances)) or _USUAL_WIDTH


def camera(viewer: Any) -> Any:
    """Camera of a viewer; ``viewer.camera`` is deprecated since napari 0.9."""
    scene = getattr(viewer, "scene", None)
    return viewer.camera if scene is None else scene.camera


def canvas_size(viewer: Any) -> tuple[int, int]:
    """Height and width of the canvas, logical pixels, which the camera's zoom counts."""
    canvas = getattr(viewer, "canvas", None)
    size = getattr(canvas, "size", None)
    if size is None:
        # napari before 0.9 states it nowhere else, and docks have its viewer behind a proxy that
        # warns of this. A screenshot would draw the canvas anew, in the pixels of the screen.
        native = getattr(viewer, "__wrapped__", viewer).window._qt_viewer.canvas.native
        size = native.height(), native.width()
    return int(size[0]), int(size[1])


def pixel_at(
    layer: Layer, position: Sequence[float], shape: Shape | None = None
) -> tuple[int, int] | None:
    """Pixel of a two-dimensional layer at a position in the world; None outside.

    The page has the ``shape`` (height, width) of the layer's own pixels unless it is given.
    """
    y, x = (int(np.floor(value + 0.5)) for value in layer.world_to_data(position)[-2:])
    height, width = layer.data.shape[-2:] if shape is None else shape
    return (y, x) if 0 <= y < height and 0 <= x < width else None


def steps_from_middle(viewer: Any, position: Sequence[float]) -> NDArray[np.float64]:
    """Steps (down, right) from the canvas's middle to a position in the world, logical pixels."""
    view = camera(viewer)
    steps = np.asarray(position, dtype=float)[-2:][_displayed(viewer)] - view.center[-2:]
    return np.asarray(steps * view.zoom)


def position_at(viewer: Any, steps: NDArray[np.float64]) -> tuple[float, float]:
    """Position in the world, of the last two axes, so many steps from the canvas's middle."""
    view = camera(viewer)
    # The camera counts along the displayed axes, a position along those of the layer.
    y, x = (np.array(view.center[-2:]) + steps / view.zoom)[_displayed(viewer)]
    return float(y), float(x)


def point_at(layer: Layer, position: Sequence[float]) -> tuple[float, float]:
    """Coordinates in pixels of a two-dimensional layer of a position in the world."""
    y, x = layer.world_to_data(position)[-2:]
    return float(y), float(x)


class CanvasMessage:
    """Text on the canvas while a mode is on; gives back the user's own text afterwards."""

    def __init__(self, viewer: Any) -> None:
        self._overlay = _text_overlay(viewer)
        self._before: dict[str, Any] | None = None

    def show(self, text: str, colour: str) -> None:
        """Show a text in large dark letters at the top, in a box of a colour."""
        wanted = {
            "text": text,
            "color": "black",
            "font_size": 16,
            "position": "top_center",
            "visible": True,
        }
        if hasattr(self._overlay, "box_color"):
            wanted |= {"box": True, "box_color": colour}
        else:  # Older versions of napari have no box: the text must stand out by itself.
            wanted["color"] = colour
        if self._before is None:
            self._before = {name: getattr(self._overlay, name) for name in wanted}
        for name, value in wanted.items():
            setattr(self._overlay, name, value)

    def clear(self) -> None:
        """Take the text away."""
        if self._before is not None:
            for name, value in self._before.items():
                setattr(self._overlay, name, value)
            self._before = None


def _text_overlay(viewer: Any) -> Any:
    overlays = getattr(getattr(viewer, "canvas", None), "overlays", None)
    # `viewer.text_overlay` is deprecated since napari 0.9.
    return viewer.text_overlay if overlays is None else overlays.text


def _world(viewer: Any, layer: Layer, point: Any) -> Any:
    """Position of a point of the layer along the two displayed axes of the viewer."""
    return np.asarray(layer.data_to_world(point))[-2:][_displayed(viewer)]


def _displayed(viewer: Any) -> list[int]:
    """Which of the last two axes lie along rows and columns: [0, 1], or [1, 0] if swapped."""
    last = viewer.dims.ndim - 2
    shown = [axis - last for axis in viewer.dims.displayed[-2:] if axis >= last]
    return shown if len(shown) == 2 else [0, 1]
