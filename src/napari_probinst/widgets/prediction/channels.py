"""Which image layers serve as which channels of a model, and their pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_probinst.core.data.lazy import LAZY_BYTES, ChannelStack
from napari_probinst.core.data.planes import Plane
from napari_probinst.core.errors import InputError
from napari_probinst.widgets.finding import is_result
from napari_probinst.widgets.image_axes import channel_axis, single_axes
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
        passed = single_axes(self.layer)
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
        for axis in single_axes(self.layer):
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
        axis = channel_axis(layer, n_channels)
        if axis is None:
            sources.append(ChannelSource(layer))
        else:
            sources.extend(ChannelSource(layer, axis, index) for index in range(n_channels))
    return sources


def whole_stacks(sources: Sequence[ChannelSource]) -> list[ChannelSource]:
    """Layers that are offered channel by channel, as stacks: two planes may also be two moments."""
    stacks = {source.layer: ChannelSource(source.layer) for source in sources}
    axes = {source.layer: source.axis for source in sources if source.axis is not None}
    # An axis of channels after height or width counts no planes.
    return [stacks[layer] for layer, axis in axes.items() if axis < len(stacks[layer].leading)]


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


def mark_of(channel: ChannelConfig, name: str) -> str | None:
    """Name or file mark of a channel that a layer's name holds; None if it holds neither."""
    plain = plain_name(name)
    marks = (channel.name.lower(), (channel.suffix or "").lower())
    return next((mark for mark in marks if mark and mark in plain), None)


def plain_name(name: str) -> str:
    """Name of a layer in which the marks of channels are looked for."""
    return name.lower().replace("_", " ")
