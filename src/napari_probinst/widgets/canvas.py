"""Where things are on the canvas: pixels of a layer, positions in the world, what is in view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox, Shape


def view_box(viewer: Any, layer: Layer) -> BBox:
    """Pixels of a two-dimensional layer that the canvas shows, also beyond its edges."""
    half = np.array(canvas_size(viewer)) / 2
    corners = [
        point_at(layer, position_at(viewer, half * signs))
        for signs in ((-1, -1), (-1, 1), (1, -1), (1, 1))
    ]
    low, high = np.floor(np.min(corners, axis=0)), np.ceil(np.max(corners, axis=0))
    return (int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1)


def camera(viewer: Any) -> Any:
    """Camera of a viewer; ``viewer.camera`` is deprecated since napari 0.9."""
    scene = getattr(viewer, "scene", None)
    return viewer.camera if scene is None else scene.camera


def grid(viewer: Any) -> Any:
    """Grid of a viewer; ``viewer.grid`` is deprecated since napari 0.9."""
    canvas = getattr(viewer, "canvas", None)
    return viewer.grid if canvas is None else canvas.grid


def canvas_size(viewer: Any) -> tuple[int, int]:
    """Height and width of the canvas, logical pixels, which the camera's zoom counts."""
    canvas = getattr(viewer, "canvas", None)
    size = getattr(canvas, "size", None)
    if size is None:
        # napari before 0.9 states it nowhere else. A screenshot would draw the canvas anew, in the
        # pixels of the screen.
        native = native_canvas(viewer)
        size = native.height(), native.width()
    return int(size[0]), int(size[1])


def native_canvas(viewer: Any) -> Any:
    """Qt's widget of the canvas; None of a viewer without a window."""
    # napari states it nowhere, and docks have its viewer behind a proxy that warns of this.
    window = getattr(getattr(viewer, "__wrapped__", viewer), "window", None)
    canvas = getattr(getattr(window, "_qt_viewer", None), "canvas", None)
    return getattr(canvas, "native", None)


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


def world_position(viewer: Any, layer: Layer, point: Any) -> Any:
    """Position of a point of the layer along the two displayed axes of the viewer."""
    return np.asarray(layer.data_to_world(point))[-2:][_displayed(viewer)]


def _displayed(viewer: Any) -> list[int]:
    """Which of the last two axes lie along rows and columns: [0, 1], or [1, 0] if swapped."""
    last = viewer.dims.ndim - 2
    shown = [axis - last for axis in viewer.dims.displayed[-2:] if axis >= last]
    return shown if len(shown) == 2 else [0, 1]
