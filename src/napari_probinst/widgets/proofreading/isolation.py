"""Everything but the selected instances and the image hidden for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Labels

from napari_probinst.widgets.finding import shown_by

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from napari.layers import Layer


class Isolation:
    """Hides layers, and shows again what it has hidden.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose label images are hidden.
    layers : iterable of Layer
        What is hidden beside them.
    """

    def __init__(self, viewer: Any, layers: Iterable[Layer]) -> None:
        self._viewer = viewer
        self._layers = tuple(layers)
        self._hidden: tuple[Layer, ...] = ()

    @property
    def is_on(self) -> bool:
        """Whether something is hidden."""
        return bool(self._hidden)

    def begin(self, spared: Container[Layer | None]) -> None:
        """Hide all label images but those that are spared."""
        labels = (each for each in self._viewer.layers if isinstance(each, Labels))
        others = [each for each in labels if each not in spared]
        present = dict.fromkeys([*self._layers, *others])
        self._hidden = tuple(layer for layer in present if layer.visible)
        for layer in self._hidden:
            layer.visible = False

    def end(self) -> None:
        """Show again what was hidden, but for planes of a stack that are out of view."""
        for layer in self._hidden:
            shown = shown_by(layer)
            if shown is None or shown.follower is None:
                layer.visible = True
            else:
                shown.follower.show(layer)
        self._hidden = ()
