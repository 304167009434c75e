"""Axes of an image layer: which count its channels, which its planes (time, z)."""

from __future__ import annotations

from typing import Any

from napari.layers import Image

from napari_probinst.core.data.naming import plane_name
from napari_probinst.core.data.planes import Plane, PlaneView
from napari_probinst.widgets.finding import image_name
from napari_probinst.widgets.pages import page_of


def single_axes(layer: Image) -> tuple[int, ...]:
    """Axes before the last two that have one entry only, and are passed over."""
    shape = page_of(layer).shape
    return tuple(axis for axis, size in enumerate(shape[:-2]) if size == 1)


def channel_axis(layer: Image, n_channels: int) -> int | None:
    """Axis that counts channels: the first, else the last, with as many entries as the model.

    In a stack it is the last one before height and width: time and z come first. It is counted
    among the axes that `single_axes` leaves.
    """
    if layer.rgb or n_channels < 2:
        return None
    single = single_axes(layer)
    shape = [size for axis, size in enumerate(page_of(layer).shape) if axis not in single]
    if len(shape) < 3:
        return None
    likely = (0, 2, 1) if len(shape) == 3 else range(len(shape) - 3, -1, -1)
    return next((axis for axis in likely if shape[axis] == n_channels), None)


def plane_axes(layer: Any, n_axes: int, n_channels: int = 0) -> tuple[int, ...]:
    """Axes of a layer's pixels that count its planes, where there are ``n_axes`` of them.

    One axis more is that of the channels, which napari shows as a slider, too: the one that
    `channel_axis` finds. Without the number of channels of the model, as in files of early
    programs, it is the shortest, of equal ones the last.
    """
    shape = page_of(layer).shape
    passed = single_axes(layer)
    wide = [axis for axis in range(len(shape) - 2) if axis not in passed]
    channels = channel_axis(layer, n_channels)
    if len(wide) > n_axes and channels is not None and channels < len(wide):
        del wide[channels]
    while len(wide) > n_axes:
        wide.remove(min(reversed(wide), key=lambda axis: shape[axis]))
    return tuple(wide)


def plane_of(layer: Any, plane: tuple[int, ...] = (), n_channels: int = 0) -> PlaneView | None:
    """Plane of an image layer, as a backdrop; None where the layer is no image.

    A lazy array stays unread.

    Parameters
    ----------
    layer : Layer
        An image, or not.
    plane : tuple of int, default ()
        Position on the axes that count planes, as by `plane_axes`; on others,
        that of the channels among them, it is the first.
    n_channels : int, default 0
        Channels of the model; 0 if unknown.
    """
    if not isinstance(layer, Image):
        return None
    data = page_of(layer)
    last = (None, None, 0) if layer.rgb else (None, None)
    place = [0] * (len(data.shape) - len(last))
    for axis, index in zip(plane_axes(layer, len(plane), n_channels), plane, strict=True):
        place[axis] = index
    return PlaneView(Plane(f"'{layer.name}'", data, (*place, *last)))


def named_plane(layer: Any, name: str, n_channels: int = 0) -> tuple[int, ...]:
    """Plane of a layer that a prediction of this name is of; empty where it isn't one's.

    The names are those of `plane_name`; the number of channels is as for `plane_axes`.
    """
    start = f"{image_name(layer)}_"
    parts = name.removeprefix(start).split("_") if name.startswith(start) else []
    if not parts or not all(part.isdecimal() for part in parts):
        return ()
    plane, shape = tuple(map(int, parts)), page_of(layer).shape
    axes = plane_axes(layer, len(plane), n_channels)
    inside = len(axes) == len(plane) and all(
        index < shape[axis] for axis, index in zip(axes, plane, strict=True)
    )
    return plane if inside and plane_name(image_name(layer), plane) == name else ()
