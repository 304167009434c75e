"""Images that are read window by window, because they are larger than memory should hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.data.axes import Arrangement, Layout, arrangement, layout_of
from napari_probinst.core.data.files import image_name, open_raster
from napari_probinst.core.data.images import Image, check_values, named_channels, read_image
from napari_probinst.core.data.naming import plane_words

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_probinst.core.data.raster import OpenRaster
    from napari_probinst.core.pixels import Pixels

#: Images of more bytes are not read at once.
LAZY_BYTES = 2**28


@dataclass(frozen=True, slots=True, eq=False)
class LazyImage:
    """A 2-D image whose pixels stay on the disk; otherwise as `Image`.

    Parameters
    ----------
    name, channel_names, pixel_size, path, present, from_colours
        As of `Image`.
    channels : array-like of shape (n_channels, height, width)
        Read as ``channels[channel, y0:y1, x0:x1]``.
    """

    name: str
    channels: Pixels
    channel_names: tuple[str, ...]
    pixel_size: tuple[float, float] | None
    path: Path | None
    present: tuple[bool, ...]
    from_colours: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return (self.channels.shape[1], self.channels.shape[2])


def open_image(
    path: Path,
    axes: str | None = None,
    memory_limit: int | None = None,
    *,
    lazy_bytes: int = LAZY_BYTES,
    colours: bool = False,
    plane: tuple[int, ...] = (),
) -> Image | LazyImage:
    """Read an image file, or only look at it where it is large.

    Parameters
    ----------
    path, axes, memory_limit, colours, plane
        As for `read_image`; of a large image only its chunks (tiles, strips) must fit into
        ``memory_limit``. Of a stack no other plane is read.
    lazy_bytes : int, default `LAZY_BYTES`
        An image, or a plane, of more bytes stays on the disk, if it is TIFF or OME-Zarr.

    Raises
    ------
    InputError
        As for `read_image`. Real numbers of large images are read once to find those that are
        NaN or infinite.
    """
    opened = open_raster(path, memory_limit, least_bytes=-1 if plane else lazy_bytes)
    if opened is None:
        return read_image(path, axes, memory_limit, colours=colours, plane=plane)
    plan = arrangement(opened.header, str(path), axes, colours=colours, plane=plane)
    channels = _LazyChannels.of(opened, plan)
    facts: dict[str, Any] = {
        "name": image_name(path),
        "channel_names": named_channels(opened.header, channels.shape[0]),
        "pixel_size": opened.header.pixel_size,
        "path": path,
        "present": (True,) * channels.shape[0],
        "from_colours": plan.from_colours,
    }
    where, pixels = f"{path}{plane_words(plane)}", opened.header.pixels
    if math.prod(pixels.shape[i] for i in plan.kept) * pixels.dtype.itemsize > lazy_bytes:
        check_values(channels, where)
        return LazyImage(channels=channels, **facts)
    read = channels.read()
    check_values(read, where)
    return Image(channels=read, **facts)


def read_layout(path: Path, axes: str | None = None, *, colours: bool = False) -> Layout | None:
    """Look what the dimensions of an image file are, without reading its pixels.

    Parameters
    ----------
    path, axes, colours
        As for `read_image`.

    Returns
    -------
    Layout or None
        None for a kind of file that is no stack.

    Raises
    ------
    InputError
        If the file can't be read, or ``axes`` doesn't fit.
    """
    opened = open_raster(path, None, least_bytes=-1)
    return None if opened is None else layout_of(opened.header, str(path), axes, colours=colours)


@dataclass(frozen=True, slots=True, eq=False)
class ChannelStack:
    """Channels of one image that come from several places, or from nowhere.

    Parameters
    ----------
    sources : tuple of (array-like, int) or None
        For each channel, where it lies and its index there; None is zero everywhere.
    shape : (int, int, int)
        Number of channels, height, width.
    dtype : dtype
        One that holds the values of all.
    """

    sources: tuple[tuple[Pixels, int] | None, ...]
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]

    def __getitem__(self, key: tuple[int, slice, slice]) -> NDArray[Any]:
        """Window ``[channel, y0:y1, x0:x1]``."""
        channel, rows, columns = key
        source = self.sources[channel]
        if source is None:
            height, width = self.shape[1:]
            window = np.broadcast_to(np.zeros((), self.dtype), (height, width))[rows, columns]
        else:
            window = np.asarray(source[0][source[1], rows, columns])
        return window.astype(self.dtype, copy=False)


@dataclass(frozen=True, slots=True, eq=False)
class _LazyChannels:
    """Pixels of a file as channels, height, width."""

    stored: Pixels
    plan: Arrangement
    shape: tuple[int, int, int]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, opened: OpenRaster, plan: Arrangement) -> _LazyChannels:
        header = opened.header.pixels
        lengths = {
            letter: header.shape[i] for letter, i in zip(plan.letters, plan.kept, strict=True)
        }
        dtype = np.dtype(np.uint8) if header.dtype.kind == "b" else header.dtype
        shape = (lengths.get("C", 1), lengths["Y"], lengths["X"])
        return cls(opened.stored, plan, shape, dtype)

    def __getitem__(self, key: tuple[int, slice, slice]) -> NDArray[Any]:
        """Window ``[channel, y0:y1, x0:x1]``."""
        channel, rows, columns = key
        # Of a colour, three samples: what is more is alpha.
        wanted = {"C": slice(channel, channel + 1), "Y": rows, "X": columns, "S": slice(3)}
        index = self.plan.index(len(self.stored.shape), wanted)
        window = self.plan.apply(np.asarray(self.stored[index]))
        return np.asarray(window[0], dtype=self.dtype)

    def read(self) -> NDArray[Any]:
        """All of it."""
        whole = slice(None)
        return np.stack([self[channel, whole, whole] for channel in range(self.shape[0])])
