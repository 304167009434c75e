"""The layers that tools draw in: emptied, not removed, from one use to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_probinst.widgets.finding import METADATA_KEY
from napari_probinst.widgets.placement import Following

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari.layers import Layer


class ScratchLayers:
    """Makes a layer when it is needed first, and has it again afterwards.

    napari collects garbage whenever a layer is removed: an edit would take a quarter of a second
    where there are ten thousand instances.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    leader : Layer
        Two-dimensional layer that they lie on.
    """

    def __init__(self, viewer: Any, leader: Layer) -> None:
        self._viewer = viewer
        self._leader = leader
        self._layers: dict[str, Layer] = {}
        self._following: dict[str, Following] = {}

    def take(self, name: str, make: Callable[[], Layer], *, follows: bool = True) -> Layer:
        """Return the layer of a name.

        Parameters
        ----------
        name : str
            What it is for.
        make : callable
            Makes the layer, if the viewer doesn't have it.
        follows : bool, default True
            Whether it is moved along with the leader.
        """
        if (known := self._layers.get(name)) is not None and known in self._viewer.layers:
            return known
        self._forget(name)
        layer = make()
        # No image to predict, and no truth.
        layer.metadata[METADATA_KEY] = {"shown": None}
        self._layers[name] = layer
        if follows:
            self._following[name] = Following(self._leader, (layer,))
        return layer

    def give_away(self, name: str) -> None:
        """Leave a layer to the user, as one like any other."""
        if (layer := self._forget(name)) is not None:
            layer.metadata.pop(METADATA_KEY)

    def close(self) -> None:
        """Remove all of them."""
        for name in tuple(self._layers):
            layer = self._forget(name)
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def _forget(self, name: str) -> Layer | None:
        if (following := self._following.pop(name, None)) is not None:
            following.stop()
        return self._layers.pop(name, None)
