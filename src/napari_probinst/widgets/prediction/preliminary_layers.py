"""Three layers that show what the draws made so far agree on, until the result is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_probinst.widgets.layers import METADATA_KEY, placement
from napari_probinst.widgets.result_layers import (
    entropy_layer,
    instances_layer,
    is_bright,
    probability_layer,
)

if TYPE_CHECKING:
    from napari.layers import Image, Labels

    from napari_probinst.widgets.layers import ShownPrediction
    from napari_probinst.widgets.prediction.streaming import Preliminary


class PreliminaryLayers:
    """Adds the layers, updates them in place, and takes them away.

    Meanwhile an earlier result of the same image is hidden.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    image : Image
        Layer whose name and place they take over.
    earlier : ShownPrediction or None
        Earlier result of the image.
    """

    def __init__(self, viewer: Any, image: Image, earlier: ShownPrediction | None) -> None:
        self._viewer = viewer
        self._image = image
        self._hidden = (
            () if earlier is None else tuple(layer for layer in earlier.layers if layer.visible)
        )
        self._layers: tuple[Image, Image, Labels] | None = None

    def show(self, seen: Preliminary) -> None:
        """Show a preliminary result in the place of the one before."""
        if self._layers is None:
            self._add(seen)
        else:
            probability, entropy, instances = self._layers
            probability.data, entropy.data = seen.probability, seen.entropy
            instances.colormap = seen.colours
            instances.data = seen.labels
            for layer, kind in zip(self._layers, _KINDS, strict=True):
                layer.name = self._name(kind, seen)

    def give_way(self, shown: ShownPrediction) -> None:
        """Take the layers away for the result, which is as visible as they were."""
        if self._layers is not None:
            for layer, final in zip(
                self._layers, (shown.probability, shown.entropy, shown.instances), strict=True
            ):
                final.visible, final.opacity = layer.visible, layer.opacity
        self._remove()

    def undo(self) -> None:
        """Take the layers away; an earlier result is visible again."""
        if self._layers is not None:
            for layer in self._hidden:
                layer.visible = True
        self._remove()

    def _add(self, seen: Preliminary) -> None:
        place = placement(self._image)
        bright = is_bright(self._image, seen.instances)
        self._layers = (
            probability_layer(seen.probability, self._name("probability", seen), place),
            entropy_layer(seen.entropy, self._name("entropy", seen), place, on_bright=bright),
            instances_layer(seen.labels, self._name("instances", seen), place, seen.colours),
        )
        for hidden in self._hidden:
            hidden.visible = False
        # What the user has selected stays so: the layers come by themselves, and often.
        selected, active = set(self._viewer.layers.selection), self._viewer.layers.selection.active
        for layer in self._layers:
            layer.metadata[METADATA_KEY] = {"preliminary": True}
            self._viewer.add_layer(layer)
        self._viewer.layers.selection = selected
        self._viewer.layers.selection.active = active

    def _name(self, kind: str, seen: Preliminary) -> str:
        return f"{self._image.name} | {kind} ({seen.words})"

    def _remove(self) -> None:
        for layer in self._layers or ():
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)
        self._layers = None


_KINDS = ("probability", "entropy", "instances")
