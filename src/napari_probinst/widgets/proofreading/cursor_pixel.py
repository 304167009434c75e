"""The pixel under the cursor, also after the view has moved while the cursor stood still."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_probinst.widgets.canvas import pixel_at, position_at, steps_from_middle

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from napari.layers import Layer
    from numpy.typing import NDArray


class CursorPixel:
    """Which pixel of a layer the cursor points at.

    napari tells of the cursor when it moves; to a camera that moves it is blind.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose cursor it is.
    layer : Layer
        Two-dimensional layer.
    """

    def __init__(self, viewer: Any, layer: Layer) -> None:
        self._viewer = viewer
        self._layer = layer
        #: Where on the canvas the cursor was last; None until it moves there.
        self._steps: NDArray[np.float64] | None = None
        #: The pixel (y, x); None outside.
        self.pixel: tuple[int, int] | None = None

    def moved_to(self, position: Sequence[float]) -> None:
        """Take the pixel at a position in the world that the cursor has moved to."""
        self._steps = steps_from_middle(self._viewer, position)
        self.pixel = pixel_at(self._layer, position)

    def view_moved(self, *, on_canvas: bool) -> None:
        """Take the pixel that has come under the cursor; none if that has left the canvas."""
        if self._steps is None or not on_canvas:
            self.pixel = None
        else:
            self.pixel = pixel_at(self._layer, position_at(self._viewer, self._steps))
