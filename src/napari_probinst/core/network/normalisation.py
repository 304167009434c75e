"""From camera intensities of any bit depth to the range that the network sees."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.pixels import bands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.config import ChannelConfig
    from napari_probinst.core.pixels import Pixels

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
    return _mapped(pixels, channel, intensity_range(pixels[np.newaxis], 0, channel))


def intensity_range(
    pixels: Pixels, index: int, channel: ChannelConfig
) -> tuple[float, float] | None:
    """Percentiles of one channel, which are those of the whole image, however it is read.

    They are NumPy's, of the pixels in every n-th row and column from the first on, where
    n = ⌊√(height · width / 10⁶)⌋, and 1 at least: between one and four million pixels of any
    larger image.

    Parameters
    ----------
    pixels : array-like of shape (n_channels, height, width)
        Intensities; read band by band.
    index : int
        Which channel.
    channel : ChannelConfig
        Its low and high percentile.

    Returns
    -------
    (float, float) or None
        Low and high intensity; None where they are the same.
    """
    height, width = pixels.shape[1:]
    step = max(1, int(np.sqrt(height * width / _SAMPLE)))
    # Copied: what is kept of a band must not keep the whole band.
    sample = [band[-start % step :: step, ::step].copy() for start, band in bands(pixels, index)]
    wanted = [channel.low_percentile, channel.high_percentile]
    low, high = _percentiles(np.concatenate(sample), wanted)
    return (low, high) if high > low else None


def _percentiles(values: NDArray[Any], wanted: Sequence[float]) -> list[float]:
    """NumPy's, by counting where that is quicker: a camera's intensities are few."""
    if values.dtype.kind != "u" or values.dtype.itemsize > 2:
        found: list[float] = np.percentile(values.astype(np.float64), wanted).tolist()
        return found
    n_up_to = np.cumsum(np.bincount(values.ravel()))
    rank = (values.size - 1) * (np.asarray(wanted) / 100)
    below = np.floor(rank)
    low = np.searchsorted(n_up_to, below, side="right")
    high = np.searchsorted(n_up_to, np.minimum(below + 1, values.size - 1), side="right")
    share = rank - below
    # NumPy goes from the nearer of the two as well, so that rounding is the same.
    step = high - low
    exact = np.where(share < 0.5, low + step * share, high - step * (1 - share))
    return [float(each) for each in exact]


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
    return NormalisedPixels.measure(channels, config, present)[:, :, :]


@dataclass(frozen=True, slots=True, eq=False)
class NormalisedPixels:
    """An image that is normalised window by window, by what was measured on the whole of it.

    Parameters
    ----------
    pixels : array-like of shape (n_channels, height, width)
        Intensities in the model's order.
    config : tuple of ChannelConfig, length n_channels
        How each is mapped.
    ranges : tuple of (float, float) or None, length n_channels
        Intensities as `intensity_range` finds them; None makes a channel `ABSENT`.
    """

    pixels: Pixels
    config: tuple[ChannelConfig, ...]
    ranges: tuple[tuple[float, float] | None, ...]

    @classmethod
    def measure(
        cls,
        pixels: Pixels,
        config: Sequence[ChannelConfig],
        present: Sequence[bool] | None = None,
    ) -> NormalisedPixels:
        """Read the whole image once, in bounded memory; parameters are those of `normalise`."""
        ranges = tuple(
            intensity_range(pixels, index, channel) if present is None or present[index] else None
            for index, channel in enumerate(config)
        )
        return cls(pixels, tuple(config), ranges)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of channels, height, width."""
        n_channels, height, width = self.pixels.shape
        return (n_channels, height, width)

    def __getitem__(self, key: tuple[slice, slice, slice]) -> NDArray[np.float32]:
        """Window of some channels, rows and columns: three slices without steps."""
        spans = [range(*each.indices(n)) for each, n in zip(key, self.shape, strict=True)]
        result = np.full([len(span) for span in spans], ABSENT, dtype=np.float32)
        rows, columns = (slice(span.start, span.stop) for span in spans[1:])
        for page, index in zip(result, spans[0], strict=True):
            limits = self.ranges[index]
            if limits is not None:
                window = np.asarray(self.pixels[index, rows, columns])
                page[:] = _mapped(window, self.config[index], limits)
        return result


def _mapped(
    pixels: NDArray[Any], channel: ChannelConfig, limits: tuple[float, float] | None
) -> NDArray[np.float32]:
    if limits is None:
        return np.full(pixels.shape, ABSENT, dtype=np.float32)
    low, high = limits
    # A small contrast on a large offset would be lost in float32.
    exact: NDArray[np.floating[Any]] = pixels.astype(
        np.float32 if pixels.dtype.itemsize <= 2 else np.float64
    )
    scaled = (exact - low) / (high - low)
    if channel.gain:
        scaled = np.arcsinh(channel.gain * scaled) / math.asinh(channel.gain)
    return np.asarray(np.clip(2 * scaled - 1, -1.5, 2), dtype=np.float32)
