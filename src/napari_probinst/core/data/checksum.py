"""Checksum by which a changed image is noticed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.pixels import bands

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_probinst.core.pixels import Pixels


def image_checksum(channels: Pixels) -> str:
    """SHA-256 of shape, type and pixels, hexadecimal; the same on every machine.

    Parameters
    ----------
    channels : array-like of shape (n_channels, height, width)
        Intensities; read band by band, so that an image on disk need not fit into memory.
    """
    steps = checksum_steps(channels)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return str(end.value)


def checksum_steps(channels: Pixels) -> Generator[int, None, str]:
    """Compute `image_checksum` bit by bit: it can be given up between two of them.

    Yields
    ------
    int
        Bytes of the band that was read.
    """
    dtype = np.dtype(channels.dtype).newbyteorder("<")
    shape = tuple(int(length) for length in channels.shape)
    digest = hashlib.sha256(f"{dtype.str} {shape}".encode())
    for channel in range(shape[0]):
        for _, band in bands(channels, channel):
            digest.update(np.ascontiguousarray(band.astype(dtype, copy=False)).data)
            yield band.nbytes
    return digest.hexdigest()
