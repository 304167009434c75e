"""Pixels of an image that may be larger than memory: what is asked of them, and how they are read.

A NumPy array, a Zarr or Dask array, and what `core.data.lazy` opens, all serve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape

#: Bytes of pixels that a pass over an image holds at once.
BAND_BYTES = 2**26


class Pixels(Protocol):
    """Channels, height and width, of which windows are read when they are needed."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of channels, height, width."""
        ...

    @property
    def dtype(self) -> Any:
        """Data type of the intensities."""
        ...

    def __getitem__(self, key: Any, /) -> Any:
        """Window ``[channel, y0:y1, x0:x1]``, as an array or as what becomes one."""
        ...


def row_spans(shape: Shape, itemsize: int, limit: int = BAND_BYTES) -> Iterator[tuple[int, int]]:
    """Cut the rows of a page into bands, from the top.

    Parameters
    ----------
    shape : (int, int)
        Height and width, pixels.
    itemsize : int
        Bytes of a pixel.
    limit : int, default `BAND_BYTES`
        Bytes that a band may have; one row at least. The number of rows is a power of two, as
        are those of most files' chunks: few are cut.

    Yields
    ------
    int, int
        First row of the next band, and the one after its last.
    """
    height, width = shape
    most = max(limit // max(width * itemsize, 1), 1)
    rows = 1 << (most.bit_length() - 1)
    for start in range(0, height, rows):
        yield start, min(start + rows, height)


def bands(pixels: Pixels, channel: int) -> Iterator[tuple[int, NDArray[Any]]]:
    """Read a channel from top to bottom, in bounded memory.

    Yields
    ------
    int
        Row of the image at which the next band begins.
    ndarray of shape (n_rows, width)
        The band, of the image's whole width.
    """
    height, width = pixels.shape[1:]
    for start, stop in row_spans((height, width), np.dtype(pixels.dtype).itemsize):
        yield start, np.asarray(pixels[channel, start:stop, 0:width])
