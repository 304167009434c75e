"""Which images the layers that are selected in the viewer make up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_probinst.widgets.prediction.channels import channel_sources, mark_of, plain_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_probinst.core.config import ChannelConfig
    from napari_probinst.widgets.prediction.channels import ChannelSource


def images_of(
    layers: Iterable[Any], channels: Sequence[ChannelConfig]
) -> list[tuple[ChannelSource | None, ...]]:
    """Group layers into images, each with a source for the model's channels.

    A layer that holds all channels is an image. Layers whose names differ in nothing but the
    names or file marks of the channels are one image ("A01 bright field", "A01 fluorescence").
    Any other layer is an image by itself, in the first channel that the model needs.

    Parameters
    ----------
    layers : iterable of Layer
        In the order in which the images are wanted; what is no image is passed over.
    channels : sequence of ChannelConfig
        The model's channels.

    Returns
    -------
    list of tuple of ChannelSource or None
        For each image the sources in the model's order, None for a channel without one.
    """
    first = next((i for i, channel in enumerate(channels) if channel.required), 0)
    images: list[list[ChannelSource | None]] = []
    marked: dict[str, list[ChannelSource | None]] = {}
    for layer in layers:
        sources = channel_sources([layer], len(channels))
        if len(sources) > 1:
            images.append(list(sources))
            continue
        for source in sources:
            slot, stem = _slot(source, channels)
            image = marked.get(stem) if slot is not None else None
            if image is None or slot is None or image[slot] is not None:
                image = [None] * len(channels)
                images.append(image)
                if slot is not None:
                    marked[stem] = image
            image[first if slot is None else slot] = source
    return [tuple(image) for image in images]


def _slot(source: ChannelSource, channels: Sequence[ChannelConfig]) -> tuple[int | None, str]:
    """Channel that a layer's name tells, and what is left of the name."""
    name = str(source.layer.name)
    for index, channel in enumerate(channels):
        mark = mark_of(channel, name)
        if mark is not None:
            return index, " ".join(plain_name(name).replace(mark, " ").split())
    return None, name
