"""Layers that are hidden for a while, and seen again afterwards as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

from napari_probinst.widgets.finding import METADATA_KEY, shown_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Layer

    from napari_probinst.widgets.plane_in_view import PlaneFollower

#: Who hides a layer: it is seen again when the last one of them lets it go.
_holders: WeakKeyDictionary[Layer, WeakSet[HiddenLayers]] = WeakKeyDictionary()


class HiddenLayers:
    """What somebody hides of a viewer.

    A layer that the user has hidden stays so, and one whose plane isn't in view comes with it.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are.
    """

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._hidden: set[Layer] = set()

    def hide(self, layers: Iterable[Layer]) -> None:
        """Hide these layers; show again what was hidden here before and isn't one of them."""
        layers = set(layers)
        self._release(self._hidden - layers)
        self.hide_too(layers)

    def hide_too(self, layers: Iterable[Layer]) -> None:
        """Hide further layers."""
        for layer in layers:
            follower = _follower(layer)
            seen = layer.visible if follower is None else follower.shows(layer)
            if not seen and not _holders.get(layer):
                continue
            _holders.setdefault(layer, WeakSet()).add(self)
            self._hidden.add(layer)
            if follower is None:
                layer.visible = False
            else:
                follower.hide(layer)

    def restore(self) -> None:
        """Show again all that was hidden here."""
        self._release(set(self._hidden))

    def forget(self, layers: Iterable[Layer]) -> None:
        """Leave it to somebody else whether these layers are seen."""
        for layer in self._hidden.intersection(layers):
            self._hidden.remove(layer)
            _holders[layer].discard(self)

    def _release(self, layers: Iterable[Layer]) -> None:
        for layer in layers:
            self.forget((layer,))
            if layer not in self._viewer.layers or _holders[layer]:
                continue
            if (follower := _follower(layer)) is None:
                layer.visible = True
            else:
                follower.show(layer)


def _follower(layer: Layer) -> PlaneFollower | None:
    """What shows a layer where its plane is in view; None for one that is always seen."""
    shown = shown_by(layer)
    if shown is not None:
        return shown.follower
    follower: PlaneFollower | None = layer.metadata.get(METADATA_KEY, {}).get("follower")
    return follower
