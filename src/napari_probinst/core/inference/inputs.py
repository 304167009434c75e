"""What a model is given: channels that it expects, mapped to the range that it knows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_probinst.core.errors import InputError
from napari_probinst.core.network.normalisation import NormalisedPixels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.config import ChannelConfig
    from napari_probinst.core.inference.resampling import Windows
    from napari_probinst.core.pixels import Pixels

#: Normalised intensities, numbers, that are held in memory; those of larger images are made
#: anew for each tile.
_HELD = 2**24


def normalised(
    channels: Pixels, expected: Sequence[ChannelConfig], present: Sequence[bool] | None
) -> Windows:
    """Channels as the network sees them, in memory unless the image is large.

    Parameters and errors are those of `check_channels`.
    """
    check_channels(channels, expected, present)
    measured = NormalisedPixels.measure(channels, expected, present)
    return measured[:, :, :] if math.prod(measured.shape) <= _HELD else measured


def check_channels(
    channels: Pixels, expected: Sequence[ChannelConfig], present: Sequence[bool] | None
) -> None:
    """Refuse an image that doesn't fit a model.

    Parameters
    ----------
    channels : array-like of shape (n_channels, height, width)
        Intensities in the model's order.
    expected : sequence of ChannelConfig, length n_channels
        The model's channels.
    present : sequence of bool or None
        False where a channel is absent; all are present by default.

    Raises
    ------
    InputError
        If there are more or fewer channels, or one that is needed is absent.
    """
    if len(channels.shape) != 3 or channels.shape[0] != len(expected):
        names = ", ".join(channel.name for channel in expected)
        raise InputError(
            f"The model expects {len(expected)} channels ({names}), "
            f"and the image has the shape {channels.shape}."
        )
    if present is not None:
        for channel, there in zip(expected, present, strict=True):
            if channel.required and not there:
                raise InputError(
                    f"The model was not trained to do without the channel '{channel.name}'; "
                    "give an image for it."
                )
