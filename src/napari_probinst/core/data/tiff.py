"""Read a TIFF of any microscope as a raster, or refuse it; never a silently incomplete image.

tifffile does the decoding. It fills what it can't find with zeros and mentions it in the log;
here the offsets are compared with the file's size first, and its log is heard as errors.
"""

from __future__ import annotations

import logging
import math
import threading
import weakref
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile

from napari_probinst.core.data.raster import (
    OpenRaster,
    Raster,
    check_size,
    one_line,
    refusing_damage,
)
from napari_probinst.core.data.tiff_metadata import channel_names, pixel_size
from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

_COLOURS = (tifffile.PHOTOMETRIC.RGB, tifffile.PHOTOMETRIC.YCBCR)
_GREYS = (
    tifffile.PHOTOMETRIC.MINISBLACK,
    tifffile.PHOTOMETRIC.MINISWHITE,
    tifffile.PHOTOMETRIC.PALETTE,  # ImageJ's look-up tables: the indices are the intensities
)
_ALPHAS = (tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA)


def read_tiff(path: Path, memory_limit: int | None = None) -> Raster:
    """Read the first series of a TIFF file at full resolution.

    Parameters
    ----------
    path : Path
        OME-TIFF, ImageJ hyperstack, BigTIFF or any other; tiled or in strips, either byte
        order, any compression that imagecodecs knows.
    memory_limit : int, optional
        Largest number of bytes to allocate; default: a share of the machine's memory.

    Raises
    ------
    InputError
        If the file can't be read, is no TIFF, is incomplete, holds several images of one size,
        has an unsupported pixel type or colour model, or claims more than memory holds (noticed
        before allocating).
    """
    with (
        refusing_damage(path, "TIFF"),
        _heard_log() as complaints,
        tifffile.TiffFile(path) as file,
    ):
        series = _checked_series(path, file, complaints)
        check_size(path, series.get_shape(squeeze=False), series.dtype.itemsize, memory_limit)
        _check_chunks(path, series, memory_limit)
        _check_complete(path, series)
        # One worker: decoding threads would log where nobody listens.
        pixels = series.asarray(squeeze=False, maxworkers=1)
        _refuse_complaints(path, complaints)
        header = _header(file, series)
        if pixels.shape != series.get_shape(squeeze=False):
            raise InputError(
                f"{path} holds {pixels.shape} values where its metadata says "
                f"{series.get_shape(squeeze=False)} ({header.axes}); export it again."
            )
        # What is too many samples is alpha.
        pixels = pixels[tuple(slice(length) for length in header.pixels.shape)]
        return replace(header, pixels=pixels.astype(header.pixels.dtype, copy=False))


def open_tiff(path: Path, memory_limit: int | None = None) -> OpenRaster:
    """Look at the first series of a TIFF file, whose pixels stay in the file.

    Parameters and errors are those of `read_tiff`, but for the size: only the largest strip or
    tile must fit into ``memory_limit``.
    """
    with refusing_damage(path, "TIFF"), _heard_log() as complaints, ExitStack() as stack:
        file = stack.enter_context(tifffile.TiffFile(path))
        series = _checked_series(path, file, complaints)
        _check_complete(path, series)
        header = _header(file, series)
        if series.dataoffset is not None:
            dtype = series.dtype.newbyteorder(file.byteorder)
            shape = series.get_shape(squeeze=False)
            return OpenRaster(header, _MappedPixels(path, shape, dtype, series.dataoffset))
        _check_chunks(path, series, memory_limit)
        stored = _StoredPixels(path, file, series)
        stack.pop_all()
        return OpenRaster(header, stored)


class _MappedPixels:
    """Pixels that lie in a file as they do in memory."""

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], offset: int
    ) -> None:
        self._path = path
        self.shape = shape
        self.dtype = dtype
        self._offset = offset

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Copy of a window."""
        # Mapped anew each time: a map that stays counts all it has seen as memory in use.
        with refusing_damage(self._path, "TIFF"):
            mapped = np.memmap(self._path, self.dtype, "r", self._offset, self.shape)
            return np.array(mapped[key], dtype=self.dtype.newbyteorder("="))


class _StoredPixels:
    """Pixels in tiles or strips that are decoded when they are needed."""

    def __init__(self, path: Path, file: tifffile.TiffFile, series: Any) -> None:
        import zarr

        self._path = path
        self.shape: tuple[int, ...] = series.get_shape(squeeze=False)
        self.dtype = series.dtype
        self._array: Any = zarr.open_array(series.aszarr(level=0, squeeze=False), mode="r")
        weakref.finalize(self, file.close)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Decode a window."""
        with refusing_damage(self._path, "TIFF"), _heard_log() as complaints:
            window = np.asarray(self._array[key])
            _refuse_complaints(self._path, complaints)
            return window


def _checked_series(path: Path, file: tifffile.TiffFile, complaints: list[str]) -> Any:
    """First image of the file, if it is one that can be decoded."""
    series = _first_series(path, file)
    _refuse_complaints(path, complaints)
    page = series.keyframe
    if series.dtype is None:
        raise InputError(
            f"{path} has pixels of {page.bitspersample} bits in an unknown format; expected "
            "8, 16 or 32 bit integers or floats, so convert it."
        )
    if page.photometric not in _COLOURS + _GREYS:
        raise InputError(
            f"{path} has an unsupported colour model ({page.photometric!s}); save it as "
            "greyscale or RGB."
        )
    return series


def _header(file: tifffile.TiffFile, series: Any) -> Raster:
    """What the file says, without pixels and without alpha."""
    page, axes = series.keyframe, series.get_axes(squeeze=False)
    shape = list(series.get_shape(squeeze=False))
    # tifffile and others save any array of 3 or 4 pages as colours in separate planes by
    # default, alpha included: such planes are pages or channels, and none may be dropped.
    interleaved = page.planarconfig == tifffile.PLANARCONFIG.CONTIG
    colour = page.photometric in _COLOURS and interleaved
    if "S" in axes and interleaved:
        samples = axes.index("S")
        shape[samples] = min(shape[samples], _samples_without_alpha(page, colour))
    return Raster(
        pixels=np.broadcast_to(np.zeros((), series.dtype.newbyteorder("=")), shape),
        axes=axes,
        colour=colour,
        white_is_zero=page.photometric == tifffile.PHOTOMETRIC.MINISWHITE,
        bits=page.bitspersample,
        channel_names=channel_names(file),
        pixel_size=pixel_size(file),
        n_images=len(file.series),
    )


def _first_series(path: Path, file: tifffile.TiffFile) -> Any:
    """Return the first image: others may be thumbnails or labels, but not its equals."""
    if not file.series:
        raise InputError(f"{path} holds no image; export it again.")
    first, *others = file.series
    equals = [one for one in others if (one.shape, one.dtype) == (first.shape, first.dtype)]
    if equals:
        raise InputError(
            f"{path} holds {len(equals) + 1} images of the same size; expected one, so save each "
            "as a file of its own."
        )
    return first


def _check_chunks(path: Path, series: Any, memory_limit: int | None) -> None:
    """Refuse strips and tiles that can't be decoded in memory, from the header alone."""
    check_size(path, series.keyframe.chunks, series.dtype.itemsize, memory_limit)


def _check_complete(path: Path, series: Any) -> None:
    """Refuse a file that ends before its pixels do, or that lacks pages or tiles."""
    if series.dataoffset is not None:  # one block, maybe of many ImageJ planes under one header
        missing = series.dataoffset + series.nbytes - series.parent.filehandle.size
        if missing > 0:
            raise InputError(
                f"{path} is truncated: {missing} bytes of pixels are missing; copy it again."
            )
        return
    for index, page in enumerate(series):
        if page is None:
            raise InputError(
                f"{path} lacks plane {index + 1} of {len(series)}, perhaps stored in another "
                "file; put all files of the set in one folder, or export it again."
            )
        ends = [a + b for a, b in zip(page.dataoffsets, page.databytecounts, strict=False)]
        n_segments = math.prod(series.keyframe.chunked)
        stored = sum(page.databytecounts)
        is_short = series.keyframe.compression == 1 and stored * 8 < (
            math.prod(page.shape) * series.keyframe.bitspersample
        )
        if (
            len(ends) < n_segments
            or min(page.dataoffsets) <= 0
            or min(page.databytecounts) <= 0
            or max(ends) > page.parent.filehandle.size
            or is_short
        ):
            raise InputError(
                f"{path} is truncated: pixels of plane {index + 1} are missing; copy it again."
            )


def _samples_without_alpha(page: Any, colour: bool) -> int:
    if colour:
        return 3
    return int(page.samplesperpixel) - sum(kind in _ALPHAS for kind in page.extrasamples)


@contextmanager
def _heard_log() -> Iterator[list[str]]:
    """Collect the errors that tifffile would only log, and keep this thread's log silent."""
    thread = threading.get_ident()
    complaints: list[str] = []

    def listen(record: logging.LogRecord) -> bool:
        if record.thread != thread:
            return True
        # A tag that can't be parsed is often a vendor's own and harmless; if it was a needed
        # one, the checks of the header notice.
        if record.levelno >= logging.ERROR and "TiffTag" not in record.getMessage():
            complaints.append(one_line(record.getMessage().partition("> ")[2]))
        return False

    logger = logging.getLogger("tifffile")
    logger.addFilter(listen)
    try:
        yield complaints
    finally:
        logger.removeFilter(listen)


def _refuse_complaints(path: Path, complaints: list[str]) -> None:
    if complaints:
        raise InputError(f"{path} is damaged ({complaints[0]}); export or copy it again.")
