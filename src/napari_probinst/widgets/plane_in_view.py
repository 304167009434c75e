"""Predictions of single planes of a stack (time, z) are shown where their plane is in view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Layer


def plane_in_view(viewer: Any, layer: Layer, axes: Sequence[int]) -> tuple[int, ...]:
    """Plane of a layer that the sliders of a viewer stand at.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    layer : Layer
        One of its layers.
    axes : sequence of int
        Axes of the layer's pixels that count planes.

    Returns
    -------
    tuple of int
        Position on each of them, within the layer.
    """
    if not axes:
        return ()
    place = layer.world_to_data(np.asarray(viewer.dims.point)[-layer.ndim :])
    sizes = np.asarray(layer.extent.data[1]).round().astype(int) + 1
    return tuple(int(np.clip(round(place[axis]), 0, sizes[axis] - 1)) for axis in axes)


def bring_into_view(viewer: Any, layer: Layer, axes: Sequence[int], plane: Sequence[int]) -> None:
    """Move the sliders of a viewer to a plane of a layer."""
    place = np.array(layer.world_to_data(np.asarray(viewer.dims.point)[-layer.ndim :]))
    place[list(axes)] = plane
    world = layer.data_to_world(place)
    first = viewer.dims.ndim - layer.ndim
    for axis in axes:
        viewer.dims.set_point(first + axis, world[axis])


class PlaneFollower:
    """Hides the layers of one plane while another plane of its image is in view.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are.
    image : Layer or None
        The stack.
    layers : sequence of Layer
        Of a plane of it.
    plane : sequence of int
        Which plane.
    axes : sequence of int
        Axes of the image's pixels that count planes.
    """

    def __init__(
        self,
        viewer: Any,
        image: Layer | None,
        layers: Sequence[Layer],
        *,
        plane: Sequence[int],
        axes: Sequence[int],
    ) -> None:
        self._viewer, self._image, self._layers = viewer, image, tuple(layers)
        self._plane, self._axes = tuple(plane), tuple(axes)
        #: Layers that were seen when their plane was left.
        self._hidden: list[Layer] | None = None
        # Held by this object alone: napari forgets the call when it is gone.
        viewer.dims.events.point.connect(self.follow)
        self.follow()

    @property
    def is_here(self) -> bool:
        """Whether the layers' plane is in view."""
        if self._image is None or self._image not in self._viewer.layers:
            return True
        return plane_in_view(self._viewer, self._image, self._axes) == self._plane

    def follow(self, _event: Any = None) -> None:
        """Hide the layers, or show those that were hidden."""
        if self.is_here:
            self._show()
        elif self._hidden is None:
            self._hidden = [layer for layer in self._layers if layer.visible]
            for layer in self._hidden:
                layer.visible = False

    def show(self, layer: Layer) -> None:
        """Show one of the layers: now, or when its plane comes into view."""
        if self._hidden is None:
            layer.visible = True
        elif layer not in self._hidden:
            self._hidden.append(layer)

    def hide(self, layer: Layer) -> None:
        """Hide one of the layers, also when its plane comes into view."""
        layer.visible = False
        if self._hidden is not None and layer in self._hidden:
            self._hidden.remove(layer)

    def shows(self, layer: Layer) -> bool:
        """Whether one of the layers is seen, or will be when its plane comes into view."""
        return layer.visible or layer in (self._hidden or ())

    def stop(self) -> None:
        """Show the layers from now on, whatever plane is in view."""
        self._viewer.dims.events.point.disconnect(self.follow)
        self._show()

    def bring_into_view(self) -> None:
        """Move the sliders to the layers' plane."""
        if self._image is not None and self._image in self._viewer.layers:
            bring_into_view(self._viewer, self._image, self._axes, self._plane)

    def _show(self) -> None:
        for layer in self._hidden or ():
            layer.visible = True
        self._hidden = None
