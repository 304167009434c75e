"""Which files are images, what an image is called, and how any of them is read."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.data.ome_zarr_reader import is_zarr, open_ome_zarr
from napari_probinst.core.data.png import read_png
from napari_probinst.core.data.raster import check_size
from napari_probinst.core.data.tiff import open_tiff, read_tiff
from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from napari_probinst.core.data.raster import OpenRaster, Raster

TIFF_SUFFIXES = (".tif", ".tiff", ".btf", ".tf8")
PNG_SUFFIXES = (".png",)
IMAGE_SUFFIXES = TIFF_SUFFIXES + PNG_SUFFIXES


def image_name(path: Path) -> str:
    """Name of an image: its file name without folder and without ``.tif``, ``.ome.tif`` ..."""
    stem = path.stem
    return stem[:-4] if stem.lower().endswith(".ome") and len(stem) > 4 else stem


def read_raster(path: Path, memory_limit: int | None = None) -> Raster:
    """Read an image of a known kind.

    Raises
    ------
    InputError
        If the kind is unknown, or the file can't be read as what its suffix says.
    """
    if is_zarr(path):
        opened = open_ome_zarr(path, memory_limit)
        header = opened.header
        check_size(path, header.pixels.shape, header.pixels.dtype.itemsize, memory_limit)
        return replace(header, pixels=np.asarray(opened.stored[(slice(None),) * len(header.axes)]))
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected an image file or an OME-Zarr.")
    suffix = path.suffix.lower()
    if suffix in TIFF_SUFFIXES:
        return read_tiff(path, memory_limit)
    if suffix in PNG_SUFFIXES:
        return read_png(path, memory_limit)
    raise InputError(
        f"{path} is not of a known kind ({suffix or 'no suffix'}); expected one of "
        f"{', '.join(IMAGE_SUFFIXES)}, so convert it."
    )


def open_raster(path: Path, memory_limit: int | None, *, least_bytes: int) -> OpenRaster | None:
    """Look at a large image without reading it.

    Returns
    -------
    OpenRaster or None
        None if the image has at most ``least_bytes`` bytes, or is of a kind that is always
        read at once: `read_raster` says more.

    Raises
    ------
    InputError
        If a large image can't be read.
    """
    if is_zarr(path):
        opened = open_ome_zarr(path, memory_limit)
    elif path.suffix.lower() in TIFF_SUFFIXES and path.is_file():
        opened = open_tiff(path, memory_limit)
    else:
        return None
    pixels = opened.header.pixels
    return opened if math.prod(pixels.shape) * pixels.dtype.itemsize > least_bytes else None
