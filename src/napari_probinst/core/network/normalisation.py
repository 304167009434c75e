"""From camera intensities of any bit depth to the range that the network sees."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.config import ChannelConfig

#: What an absent channel, and the padding around an image, is filled with.
ABSENT = -1.0
#: Percentiles are taken over about this many pixels at most: a regular subsample is exact
#: enough, and the whole of a slide scan need not be sorted.
_SAMPLE = 1_000_000


def normalise_channel(pixels: NDArray[Any], channel: ChannelConfig) -> NDArray[np.float32]:
    r"""Map one channel to about [-1, 1].

    .. math:: z = 2 \frac{\operatorname{arsinh}(g x)}{\operatorname{arsinh}(g)} - 1, \quad
              x = \frac{I - I_{low}}{I_{high} - I_{low}}

    with percentiles of the image itself, so that the result depends neither on bit depth nor
    on exposure. Intensities above the high percentile go beyond 1, at most to 2.

    Parameters
    ----------
    pixels : ndarray of shape (height, width)
        Intensities; finite. A constant image becomes `ABSENT` everywhere.
    channel : ChannelConfig
        Percentiles and gain.

    Returns
    -------
    ndarray of float32, shape (height, width)
        In [-1.5, 2].
    """
    step = max(1, int(np.sqrt(pixels.size / _SAMPLE)))
    percentiles = [channel.low_percentile, channel.high_percentile]
    low, high = np.percentile(pixels[::step, ::step].astype(np.float64), percentiles).tolist()
    if not high > low:
        return np.full(pixels.shape, ABSENT, dtype=np.float32)
    # A small contrast on a large offset would be lost in float32.
    exact = pixels.astype(np.float32 if pixels.dtype.itemsize <= 2 else np.float64)
    scaled = (exact - low) / (high - low)
    if channel.gain:
        scaled = np.arcsinh(channel.gain * scaled) / math.asinh(channel.gain)
    return np.asarray(np.clip(2 * scaled - 1, -1.5, 2), dtype=np.float32)


def normalise(
    channels: NDArray[Any],
    config: Sequence[ChannelConfig],
    present: Sequence[bool] | None = None,
) -> NDArray[np.float32]:
    """Normalise all channels of an image.

    Parameters
    ----------
    channels : ndarray of shape (n_channels, height, width)
        Intensities in the model's order.
    config : sequence of ChannelConfig, length n_channels
        How each is mapped.
    present : sequence of bool, length n_channels, optional
        False where a channel is absent: it becomes `ABSENT`. All are present by default.

    Returns
    -------
    ndarray of float32, shape (n_channels, height, width)
    """
    result = np.full(channels.shape, ABSENT, dtype=np.float32)
    for index, channel in enumerate(config):
        if present is None or present[index]:
            result[index] = normalise_channel(channels[index], channel)
    return result
