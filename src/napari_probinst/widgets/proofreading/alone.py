"""The prediction that is worked on is seen alone: what lies over it is hidden meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Image
from qtpy.QtCore import QTimer

from napari_probinst.widgets.canvas import grid
from napari_probinst.widgets.finding import image_of, is_result, shown_by, shown_predictions
from napari_probinst.widgets.hidden_layers import HiddenLayers
from napari_probinst.widgets.placement import overlap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from napari.layers import Layer

    from napari_probinst.widgets.layers import ShownPrediction

#: Blendings through which nothing of the layers below is seen.
_COVERING = ("opaque", "translucent", "translucent_no_depth")


class ShownAlone:
    """Hides other images and predictions that lie at the place of the one that is worked on.

    Images of the same size lie on one another in a viewer: the outlines of one would be taken for
    those of the other. What lies elsewhere stays, and in napari's grid all of it. What is
    predicted meanwhile is hidden as it comes.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._hidden = HiddenLayers(viewer)
        self._shown: ShownPrediction | None = None
        #: Layers that were there when we looked last.
        self._known: set[Layer] = set()
        viewer.layers.events.inserted.connect(self._look_soon)

    def show(self, shown: ShownPrediction) -> None:
        """Hide what lies over a prediction and its image; show again what we hid before."""
        self._shown, self._known = shown, set(self._viewer.layers)
        self._hidden.hide(self._over(shown))

    def restore(self) -> None:
        """Show again all that we hid, and hide nothing more."""
        self._viewer.layers.events.inserted.disconnect(self._look_soon)
        self._shown = None
        self._hidden.restore()

    def forget(self, layers: Iterable[Layer]) -> None:
        """Leave it to somebody else whether these layers are seen."""
        self._hidden.forget(layers)

    def _look_soon(self, _event: Any) -> None:
        """Look at layers that come when all of a prediction are there."""
        QTimer.singleShot(0, self._hide_new)

    def _hide_new(self) -> None:
        if self._shown is None or self._shown.instances not in self._viewer.layers:
            return
        known, self._known = self._known, set(self._viewer.layers)
        new = self._known - known
        self._hidden.hide_too(
            layer for layer in self._over(self._shown) if layer in new and is_result(layer)
        )

    def _over(self, shown: ShownPrediction) -> Iterator[Layer]:
        """Layers that don't belong to a prediction, at its place."""
        if grid(self._viewer).enabled:
            return
        results = set(self._results_of_others(shown))
        images = {image_of(layer) for layer in results} - {shown.image}
        # Of an image that another one lies over, no more than its results may be seen.
        covered = (shown.instances, shown.image) if images else (shown.instances,)
        for layer in self._viewer.layers:
            if layer is shown.image or not overlap(layer, shown.instances):
                continue
            if layer in results | images or any(self._covers(layer, below) for below in covered):
                yield layer

    def _results_of_others(self, shown: ShownPrediction) -> Iterator[Layer]:
        """Layers of other predictions, and of draws that are coming.

        Those of other planes of the same stack are left out: its sliders show them in turn.
        """
        present = set(shown_predictions(self._viewer)) - {shown}
        for layer in self._viewer.layers:
            other, image = shown_by(layer), image_of(layer)
            same_stack = image is not None and image is shown.image
            if other is None:
                if image is not None and not same_stack:
                    yield layer
            elif other in present and not (same_stack and other.plane != shown.plane):
                yield layer

    def _covers(self, layer: Layer, below: Layer | None) -> bool:
        """Whether a layer is an image, such as a channel of another one, that hides a layer."""
        layers = self._viewer.layers
        return (
            isinstance(layer, Image)
            and not is_result(layer)
            and below in layers
            and layers.index(layer) > layers.index(below)
            and layer.blending in _COVERING
        )
