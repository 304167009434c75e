"""Layers that lie where the planes of another layer lie, also when that one is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.transforms import Affine

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari.layers import Layer

#: What places a layer; each is also the name of the event that tells of a change.
_ATTRIBUTES = ("scale", "translate", "rotate", "shear", "affine", "units")


def placement(layer: Layer, origin: tuple[int, int] = (0, 0)) -> dict[str, Any]:
    """Keyword arguments that put a two-dimensional layer where the planes of ``layer`` lie.

    Parameters
    ----------
    layer : Layer
        The other layer.
    origin : (int, int), default (0, 0)
        Pixel (y, x) of the planes where the new layer begins, if it shows a part of them.
    """
    place = _of_planes(layer)
    if any(origin):
        steps = {name: place[name] for name in ("scale", "rotate", "shear", "translate")}
        place["translate"] = np.asarray(Affine(**steps)(origin))
    return place


def _of_planes(layer: Layer) -> dict[str, Any]:
    affine, shear = np.asarray(layer.affine.affine_matrix), np.asarray(layer.shear)
    return {
        "scale": layer.scale[-2:],
        "translate": layer.translate[-2:],
        "rotate": np.asarray(layer.rotate)[-2:, -2:],
        # Numbers above the diagonal, the last one that of the plane; a matrix if there are others.
        "shear": shear[-2:, -2:] if shear.ndim == 2 else shear[-1:],
        "affine": affine[-3:, -3:],
        "units": layer.units[-2:],
    }


def overlap(one: Layer, other: Layer) -> bool:
    """Whether two layers share more than an edge of the plane of the canvas."""
    (low, high), (start, stop) = (each.extent.world[:, -2:] for each in (one, other))
    return bool((low < stop).all() and (start < high).all())


class Following:
    """Two-dimensional layers that are moved along with another layer.

    The other layer doesn't keep this alive: what follows it may go.

    Parameters
    ----------
    leader : Layer
        Where they lie.
    layers : iterable of Layer
        Those that follow it.
    """

    def __init__(self, leader: Layer, layers: Iterable[Layer]) -> None:
        self._leader = leader
        self._layers = tuple(layers)
        for name in _ATTRIBUTES:
            getattr(leader.events, name).connect(self._follow)

    def stop(self) -> None:
        """Leave the layers where they are from now on."""
        for name in _ATTRIBUTES:
            getattr(self._leader.events, name).disconnect(self._follow)

    def _follow(self, event: Any) -> None:
        value = _of_planes(self._leader)[event.type]
        for layer in self._layers:
            setattr(layer, event.type, value)
