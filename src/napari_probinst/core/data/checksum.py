"""Checksum by which a changed image is noticed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.pixels import bands

if TYPE_CHECKING:
    from napari_probinst.core.pixels import Pixels


def image_checksum(channels: Pixels) -> str:
    """SHA-256 of shape, type and pixels, hexadecimal; the same on every machine.

    Parameters
    ----------
    channels : array-like of shape (n_channels, height, width)
        Intensities; read band by band, so that an image on disk need not fit into memory.
    """
    dtype = np.dtype(channels.dtype).newbyteorder("<")
    shape = tuple(int(length) for length in channels.shape)
    digest = hashlib.sha256(f"{dtype.str} {shape}".encode())
    for channel in range(shape[0]):
        for _, band in bands(channels, channel):
            digest.update(np.ascontiguousarray(band.astype(dtype, copy=False)).data)
    return digest.hexdigest()
