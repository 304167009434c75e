"""Which image layers serve as which channels of a model, and their pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_probinst.core.data.lazy import LAZY_BYTES, ChannelStack
from napari_probinst.core.data.planes import Plane, PlaneView
from napari_probinst.core.errors import InputError
from napari_probinst.widgets.finding import image_name, is_result
from napari_probinst.widgets.pages import page_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.config import ChannelConfig
    from napari_probinst.core.pixels import Pixels


@dataclass(frozen=True, slots=True)
class ChannelSource:
    """A layer, or one channel of a layer, that can serve as a channel of a model.

    Parameters
    ----------
    layer : Image
        The layer.
    axis : int or None
        Axis of the layer's squeezed pixels that counts channels; None for a plain plane.
    index : int
        Position on that axis.
    plane : tuple of int
        Position on each of the `leading_axes`: which plane of a stack (time, z) it is.
    """

    layer: Image
    axis: int | None = None
    index: int = 0
    plane: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """Text of a combo box."""
        name = str(self.layer.name)
        return name if self.axis is None else f"{name}, channel {self.index + 1}"

    @property
    def shape(self) -> tuple[int, ...]:
        """Height and width, pixels."""
        return self._stack_shape[-2:]

    @property
    def leading(self) -> tuple[int, ...]:
        """Numbers of planes along the `leading_axes`; empty where there is one plane."""
        return () if self.layer.rgb else self._stack_shape[:-2]

    @property
    def leading_axes(self) -> tuple[int, ...]:
        """Axes of the layer's pixels (time, z) that count planes."""
        return () if self.layer.rgb else tuple(self._wide_axes)[:-2]

    @property
    def _wide_axes(self) -> list[int]:
        """Axes of the layer's pixels that have several entries, without that of the channels."""
        passed = _single_axes(self.layer)
        wide = [axis for axis in range(len(page_of(self.layer).shape)) if axis not in passed]
        if self.axis is not None:
            del wide[self.axis]
        return wide

    @property
    def _stack_shape(self) -> tuple[int, ...]:
        shape = page_of(self.layer).shape
        return tuple(int(shape[axis]) for axis in self._wide_axes)

    def at(self, plane: tuple[int, ...]) -> ChannelSource:
        """Same channel of another plane of the stack."""
        return replace(self, plane=plane)

    def check(self) -> None:
        """Refuse what is no plane of real numbers, without reading it.

        Raises
        ------
        InputError
            If it isn't one.
        """
        if self.layer.rgb:
            raise InputError(
                f"'{self.layer.name}' is an RGB picture; split it with Layers > Split RGB and "
                "choose its channels, or make it grey: 'napari-probinst predict' takes its "
                "luminance."
            )
        if len(self.plane) != len(self.leading):
            raise InputError(
                f"'{self.layer.name}' is a stack of {math.prod(self.leading)} planes; say which."
            )
        dtype = np.dtype(self.layer.dtype)
        if dtype.kind not in "buif":
            raise InputError(
                f"'{self.layer.name}' holds {dtype} values; expected real numbers: convert it "
                "first."
            )

    def pixels(self) -> Plane:
        """Plane of the layer, unread.

        Raises
        ------
        InputError
            If the layer is no plane of real numbers.
        """
        self.check()
        data = page_of(self.layer)
        place: list[int | None] = [self.index] * len(data.shape)
        for axis in _single_axes(self.layer):
            place[axis] = 0
        for axis, index in zip(self._wide_axes, (*self.plane, None, None), strict=True):
            place[axis] = index
        return Plane(f"'{self.layer.name}'", data, tuple(place))


def channel_sources(layers: Sequence[Any], n_channels: int) -> list[ChannelSource]:
    """All that the image layers of a viewer offer to a model with ``n_channels``.

    A layer with an axis of ``n_channels`` entries is offered channel by channel. Our own maps of
    probability and entropy are no images.
    """
    sources = []
    for layer in layers:
        if not isinstance(layer, Image) or is_result(layer):
            continue
        axis = _channel_axis(layer, n_channels)
        if axis is None:
            sources.append(ChannelSource(layer))
        else:
            sources.extend(ChannelSource(layer, axis, index) for index in range(n_channels))
    return sources


def pixel_size(layer: Image | None) -> tuple[float, float] | None:
    """Size (y, x) of a pixel, micrometres; None where the layer's units are no lengths.

    A layer that is shown flipped has a negative scale; its pixels are as large.
    """
    if layer is None or not all(unit.is_compatible_with("micrometer") for unit in layer.units[-2:]):
        return None
    y, x = (
        abs(float((scale * unit).to("micrometer").magnitude))
        for scale, unit in zip(layer.scale[-2:], layer.units[-2:], strict=True)
    )
    return y, x


def plane_of(layer: Any, plane: tuple[int, ...] = (), n_channels: int = 0) -> PlaneView | None:
    """Plane of an image layer, as a backdrop; None where the layer is no image.

    A lazy array stays unread.

    Parameters
    ----------
    layer : Layer
        An image, or not.
    plane : tuple of int, default ()
        Position on the axes that count planes, see `ChannelSource.leading_axes`; on others,
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


def plane_axes(layer: Any, n_axes: int, n_channels: int = 0) -> tuple[int, ...]:
    """Axes of a layer's pixels that count its planes, where there are ``n_axes`` of them.

    One axis more is that of the channels, which napari shows as a slider, too: the one that
    `channel_sources` splits. Without the number of channels of the model, as in files of early
    programs, it is the shortest, of equal ones the last.
    """
    shape = page_of(layer).shape
    passed = _single_axes(layer)
    wide = [axis for axis in range(len(shape) - 2) if axis not in passed]
    channels = _channel_axis(layer, n_channels)
    if len(wide) > n_axes and channels is not None and channels < len(wide):
        del wide[channels]
    while len(wide) > n_axes:
        wide.remove(min(reversed(wide), key=lambda axis: shape[axis]))
    return tuple(wide)


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


def plane_name(name: str, plane: Sequence[int]) -> str:
    """Name of the image that is a plane of the image ``name``: "film_003"."""
    return "_".join((name, *(f"{index:03d}" for index in plane)))


def check_channels(
    sources: Sequence[ChannelSource | None], channels: Sequence[ChannelConfig]
) -> None:
    """Refuse what can't be an image for a model, without reading its pixels.

    Raises
    ------
    InputError
        If a needed channel is missing, a layer can't be used, or shapes differ.
    """
    for channel, source in zip(channels, sources, strict=True):
        if source is None and channel.required:
            raise InputError(
                f"The model needs the channel '{channel.name}'; choose an image layer for it."
            )
    given = [source for source in sources if source is not None]
    if not given:
        raise InputError("No channel is chosen; open an image and choose its layer.")
    for source in given:
        source.check()
    shapes = {source.leading + source.shape for source in given}
    if len(shapes) > 1:
        stated = " and ".join(str(shape) for shape in sorted(shapes))
        raise InputError(
            f"The chosen layers have different shapes ({stated}); choose channels of one image."
        )


def read_channels(
    sources: Sequence[ChannelSource | None], channels: Sequence[ChannelConfig]
) -> tuple[Pixels, tuple[bool, ...]]:
    """Stack the channels in the model's order.

    Returns
    -------
    channels : array-like of shape (n_channels, height, width)
        Zero where a channel is absent. A large image is not read, but in windows when they are
        asked for.
    present : tuple of bool
        Which channels are there.

    Raises
    ------
    InputError
        As by `check_channels`, or for values that are not finite.
    """
    check_channels(sources, channels)
    planes = [None if source is None else source.pixels() for source in sources]
    given = [plane for plane in planes if plane is not None]
    for plane in given:
        plane.check()
    _, height, width = given[0].shape
    stack = ChannelStack(
        tuple(None if plane is None else (plane, 0) for plane in planes),
        (len(planes), height, width),
        np.result_type(*(plane.dtype for plane in given)),
    )
    present = tuple(plane is not None for plane in planes)
    if math.prod(stack.shape) * stack.dtype.itemsize > LAZY_BYTES:
        return stack, present
    whole = slice(0, height), slice(0, width)
    return np.stack([stack[index, *whole] for index in range(len(planes))]), present


def _single_axes(layer: Image) -> tuple[int, ...]:
    """Axes before the last two that have one entry only, and are passed over."""
    shape = page_of(layer).shape
    return tuple(axis for axis, size in enumerate(shape[:-2]) if size == 1)


def _channel_axis(layer: Image, n_channels: int) -> int | None:
    """Axis that counts channels: the first, else the last, with as many entries as the model.

    In a stack it is the last one before height and width: time and z come first.
    """
    if layer.rgb or n_channels < 2:
        return None
    shape = ChannelSource(layer)._stack_shape
    if len(shape) < 3:
        return None
    likely = (0, 2, 1) if len(shape) == 3 else range(len(shape) - 3, -1, -1)
    return next((axis for axis in likely if shape[axis] == n_channels), None)


def mark_of(channel: ChannelConfig, name: str) -> str | None:
    """Name or file mark of a channel that a layer's name holds; None if it holds neither."""
    plain = plain_name(name)
    marks = (channel.name.lower(), (channel.suffix or "").lower())
    return next((mark for mark in marks if mark and mark in plain), None)


def plain_name(name: str) -> str:
    """Name of a layer in which the marks of channels are looked for."""
    return name.lower().replace("_", " ")
