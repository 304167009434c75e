"""Where the results of a queue of images go that may lie on one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_probinst.widgets.canvas import grid
from napari_probinst.widgets.finding import image_of, shown_predictions
from napari_probinst.widgets.hidden_layers import HiddenLayers
from napari_probinst.widgets.placement import overlap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence, Set

    from napari.layers import Layer


class QueuePlaces:
    """Keeps the results of an image with it, and the image in work in view.

    On top of all layers they would be taken for the results of the topmost image. What is seen
    while an image is proofread is up to Proofread.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    images : sequence of set of Layer
        The layers of each image, in the order of the queue.
    """

    def __init__(self, viewer: Any, images: Sequence[Set[Layer]]) -> None:
        self._viewer = viewer
        self._images = images
        self._hidden = HiddenLayers(viewer)
        # Proofread adds layers when it opens a result.
        viewer.layers.events.inserted.connect(self._give_way)

    def show(self, index: int, results: Iterable[Layer]) -> None:
        """Put an image's results in their place, and hide meanwhile what lies over them."""
        self._put(index, results)
        if grid(self._viewer).enabled or self._is_proofread:
            return
        others = self._others(index)
        self._hidden.hide(
            layer for layer in self._over(index) if layer in others or image_of(layer) in others
        )

    def close(self) -> None:
        """Show again what was hidden."""
        self._viewer.layers.events.inserted.disconnect(self._give_way)
        self._hidden.restore()

    def _put(self, index: int, results: Iterable[Layer]) -> None:
        """Move an image's results below those images of the queue that lie over it."""
        layers = self._viewer.layers
        over = [layer for layer in self._over(index) if layer in self._others(index)]
        if over:
            lowest = layers.index(over[0])
            places = sorted(layers.index(layer) for layer in results if layer in layers)
            layers.move_multiple([place for place in places if place > lowest], lowest)

    def _give_way(self, _event: Any) -> None:
        """Leave it to Proofread what is seen, once it works on an image."""
        if self._is_proofread:
            self._hidden.restore()

    @property
    def _is_proofread(self) -> bool:
        kept = [shown.kept for shown in shown_predictions(self._viewer)]
        return any(each is not None and not each.closed for each in kept)

    def _others(self, index: int) -> set[Layer]:
        """Layers of the other images; planes of one stack are no other images."""
        return set().union(*self._images) - self._images[index]

    def _over(self, index: int) -> list[Layer]:
        """Layers over all of an image's own, bottom to top."""
        layers = list(self._viewer.layers)
        own = [layer for layer in layers if layer in self._images[index]]
        if not own:
            return []
        return [layer for layer in layers[layers.index(own[-1]) + 1 :] if overlap(layer, own[0])]
