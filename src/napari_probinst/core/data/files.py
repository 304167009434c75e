"""Which files are images, what an image is called, and how any of them is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_probinst.core.data.png import read_png
from napari_probinst.core.data.tiff import read_tiff
from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from napari_probinst.core.data.raster import Raster

TIFF_SUFFIXES = (".tif", ".tiff", ".btf", ".tf8")
PNG_SUFFIXES = (".png",)
IMAGE_SUFFIXES = TIFF_SUFFIXES + PNG_SUFFIXES


def image_name(path: Path) -> str:
    """Name of an image: its file name without folder and without ``.tif``, ``.ome.tif`` ..."""
    stem = path.stem
    return stem[:-4] if stem.lower().endswith(".ome") and len(stem) > 4 else stem


def read_raster(path: Path, memory_limit: int | None = None) -> Raster:
    """Read an image file of a known suffix.

    Raises
    ------
    InputError
        If the suffix is unknown, or the file can't be read as what its suffix says.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; expected an image file.")
    suffix = path.suffix.lower()
    if suffix in TIFF_SUFFIXES:
        return read_tiff(path, memory_limit)
    if suffix in PNG_SUFFIXES:
        return read_png(path, memory_limit)
    raise InputError(
        f"{path} is not of a known kind ({suffix or 'no suffix'}); expected one of "
        f"{', '.join(IMAGE_SUFFIXES)}, so convert it."
    )
