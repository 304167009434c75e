"""The prediction that is worked on is seen alone: what lies over it is hidden meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image

from napari_probinst.widgets.canvas import grid
from napari_probinst.widgets.finding import is_result, shown_predictions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from napari.layers import Layer

    from napari_probinst.widgets.layers import ShownPrediction

#: Blendings through which nothing of the layers below is seen.
_COVERING = ("opaque", "translucent", "translucent_no_depth")


class ShownAlone:
    """Hides other images and predictions that lie at the place of the one that is worked on.

    Images of the same size lie on one another in a viewer: the outlines of one would be taken for
    those of the other. What lies elsewhere stays, and in napari's grid all of it.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        #: Layers that we have hidden, and the follower of their plane if they have one.
        self._hidden: dict[Layer, Any] = {}

    def show(self, shown: ShownPrediction) -> None:
        """Hide what lies over a prediction and its image; show again what we hid before."""
        over = {} if grid(self._viewer).enabled else dict(self._over(shown))
        ours = {layer for layer in over if layer.visible or layer in self._hidden}
        self._release(layer for layer in list(self._hidden) if layer not in ours)
        for layer in ours:
            self._hidden[layer] = over[layer]
            layer.visible = False

    def restore(self) -> None:
        """Show again all that we hid."""
        self._release(list(self._hidden))

    def forget(self, layers: Iterable[Layer]) -> None:
        """Leave it to somebody else whether these layers are seen."""
        for layer in layers:
            self._hidden.pop(layer, None)

    def _over(self, shown: ShownPrediction) -> Iterator[tuple[Layer, Any]]:
        """Layers that don't belong to a prediction, at its place."""
        others = [
            each
            for each in shown_predictions(self._viewer)
            if each is not shown and not _another_plane(each, shown)
        ]
        for other in others:
            for layer in other.layers:
                if self._meets(layer, shown):
                    yield layer, other.follower
        if any(other.image is not shown.image for other in others):
            images = {other.image for other in others}
            for layer in self._viewer.layers:
                of_other = layer in images or self._covers(layer, shown.image)
                if layer is not shown.image and of_other and self._meets(layer, shown):
                    yield layer, None

    def _covers(self, layer: Layer, image: Layer | None) -> bool:
        """Whether a layer is an image, such as a channel of another one, that hides this one."""
        layers = self._viewer.layers
        return (
            isinstance(layer, Image)
            and not is_result(layer)
            and image in layers
            and layers.index(layer) > layers.index(image)
            and layer.blending in _COVERING
        )

    def _meets(self, layer: Layer, shown: ShownPrediction) -> bool:
        """Whether a layer shares more than an edge with a prediction."""
        if layer not in self._viewer.layers:
            return False
        (low, high), (start, stop) = (
            each.extent.world[:, -2:] for each in (layer, shown.instances)
        )
        return bool((low < stop).all() and (start < high).all())

    def _release(self, layers: Iterable[Layer]) -> None:
        for layer in layers:
            follower = self._hidden.pop(layer)
            if layer not in self._viewer.layers:
                continue
            if follower is not None:
                follower.show(layer)
            else:
                layer.visible = True


def _another_plane(one: ShownPrediction, other: ShownPrediction) -> bool:
    """Whether two predictions are of planes of one stack, which its sliders show in turn."""
    return one.image is not None and one.image is other.image and one.plane != other.plane
