"""Which images the layers that are selected in the viewer make up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from napari_probinst.core.errors import InputError
from napari_probinst.widgets.prediction.channels import channel_sources, mark_of, plain_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_probinst.core.config import ChannelConfig
    from napari_probinst.widgets.prediction.channels import ChannelSource

#: What some microscopes add to the name of each file, so that no two channels share it.
_FILE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def images_of(
    layers: Iterable[Any], channels: Sequence[ChannelConfig]
) -> list[tuple[ChannelSource | None, ...]]:
    """Group layers into images, each with a source for the model's channels.

    A layer that holds all channels is an image. Layers whose names differ in nothing but the
    names or file marks of the channels, and in the identifiers that microscopes give to files,
    are one image ("A01 bright field", "A01 fluorescence"), unless two of them would be the same
    channel of it: then each is an image, as none knows its partner; see `check_rivals`.
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
    if not channels:  # the model couldn't be read, which is said elsewhere
        return []
    first = next((i for i, channel in enumerate(channels) if channel.required), 0)
    images: list[list[ChannelSource | None]] = []
    marked: dict[str, list[ChannelSource | None]] = {}
    layers = list(layers)
    rivals = _rivals(layers, channels)
    for layer in layers:
        sources = channel_sources([layer], len(channels))
        if len(sources) > 1:
            images.append(list(sources))
            continue
        for source in sources:
            slot, stem = _slot(source, channels)
            image = marked.get(stem) if slot is not None and stem not in rivals else None
            if image is None or slot is None or image[slot] is not None:
                image = [None] * len(channels)
                images.append(image)
                if slot is not None:
                    marked[stem] = image
            image[first if slot is None else slot] = source
    return [tuple(image) for image in images]


def check_rivals(layers: Iterable[Any], channels: Sequence[ChannelConfig]) -> None:
    """Refuse layers of which can't be told which belong together; `images_of` joins none of them.

    Raises
    ------
    InputError
        That names two layers that would be the same channel of the same image.
    """
    for index, one, other in _rivals(layers, channels).values():
        raise InputError(
            f"'{one.layer.name}' and '{other.layer.name}' would both be the channel "
            f"{channels[index].name} of the same image, and other layers its other channels; "
            "rename them, or select the layers of one image and choose its channels yourself."
        )


def suggested_image(
    layers: Iterable[Any],
    channels: Sequence[ChannelConfig],
    active: Any,
    before: Sequence[ChannelSource | None],
) -> tuple[ChannelSource | None, ...]:
    """Guess which image is to be predicted, and from which layers; never from two images.

    It is the one that ``active`` belongs to, otherwise the one that was chosen ``before``,
    otherwise the first. A channel that the model needs and whose name no layer bears is taken
    from one that bears none.

    Parameters
    ----------
    layers : iterable of Layer
        Of the viewer.
    channels : sequence of ChannelConfig
        The model's channels.
    active : Layer or None
        The layer that the user works on.
    before : sequence of ChannelSource or None
        What was chosen.

    Returns
    -------
    tuple of ChannelSource or None, length n_channels
        None for a channel without a layer.
    """
    images = images_of(layers, channels)
    present = {source for image in images for source in image if source is not None}
    kept = tuple(source if source in present else None for source in before)
    known = [image for image in images if _has(image, active)]
    image = known[0] if known else kept if any(kept) else images[0] if images else None
    if image is None:
        return (None,) * len(channels)
    return _completed(image, images, channels)


def _rivals(
    layers: Iterable[Any], channels: Sequence[ChannelConfig]
) -> dict[str, tuple[int, ChannelSource, ChannelSource]]:
    """Channel and two layers for it, by what is left of the names of layers of several channels."""
    groups: dict[str, dict[int, list[ChannelSource]]] = {}
    for layer in layers:
        sources = channel_sources([layer], len(channels))
        slot, stem = _slot(sources[0], channels) if len(sources) == 1 else (None, "")
        if slot is not None:
            groups.setdefault(stem, {}).setdefault(slot, []).append(sources[0])
    return {
        stem: (slot, same[0], same[1])
        for stem, group in groups.items()
        for slot, same in group.items()
        if len(group) > 1 and len(same) > 1
    }


def _has(image: Sequence[ChannelSource | None], layer: Any) -> bool:
    return any(source is not None and source.layer == layer for source in image)


def _completed(
    image: tuple[ChannelSource | None, ...],
    images: Sequence[tuple[ChannelSource | None, ...]],
    channels: Sequence[ChannelConfig],
) -> tuple[ChannelSource | None, ...]:
    """Fill channels that are needed from layers of the same size whose names tell no channel."""
    shape = next(source.shape for source in image if source is not None)
    single = [source for other in images if other != image for source in other if source]
    spare = iter(
        source for source in single if source.shape == shape and _slot(source, channels)[0] is None
    )
    return tuple(
        next(spare, None) if source is None and channel.required else source
        for source, channel in zip(image, channels, strict=True)
    )


def _slot(source: ChannelSource, channels: Sequence[ChannelConfig]) -> tuple[int | None, str]:
    """Channel that a layer's name tells, and what is left of the name."""
    name = str(source.layer.name)
    for index, channel in enumerate(channels):
        mark = mark_of(channel, name)
        if mark is not None:
            stem = _FILE_ID.sub(" ", plain_name(name)).replace(mark, " ")
            return index, " ".join(stem.split())
    return None, name
