"""Why nothing was found in an image, where the image itself tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.pixels import bands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.pixels import Pixels

#: An image whose shorter side is less than this many widths of an object has no room for one
#: with its surroundings.
LEAST_WIDTHS = 4


def why_nothing(channels: Pixels, present: Sequence[bool], width: float) -> str:
    """Say why an image without any instance could hardly have one.

    Parameters
    ----------
    channels : array-like of shape (n_channels, height, width)
        Intensities.
    present : sequence of bool
        False for a channel that the image doesn't have.
    width : float
        Width of the objects that the model knows, pixels of the image.

    Returns
    -------
    str
        A sentence; empty where nothing is wrong with the image as far as can be told.
    """
    rows, columns = channels.shape[1:]
    given = [channel for channel, is_there in enumerate(present) if is_there]
    if all(_is_constant(channels, channel) for channel in given):
        return "The image has the same value everywhere: check the file and its channels."
    if min(rows, columns) < LEAST_WIDTHS * width:
        return (
            f"The image of {rows} x {columns} pixels is smaller than {LEAST_WIDTHS} widths of the "
            f"objects that the model knows, {LEAST_WIDTHS * width:.0f} pixels: give a larger one."
        )
    return ""


def _is_constant(channels: Pixels, channel: int) -> bool:
    first = np.asarray(channels[channel, 0:1, 0:1])
    return all(bool((band == first).all()) for _, band in bands(channels, channel))
