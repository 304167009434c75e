"""An image as the pipeline takes it, and how one is read from a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.data.axes import arrangement
from napari_probinst.core.data.files import image_name, read_raster
from napari_probinst.core.data.naming import plane_words
from napari_probinst.core.errors import InputError
from napari_probinst.core.pixels import bands

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_probinst.core.data.raster import Raster
    from napari_probinst.core.pixels import Pixels

#: Beyond this, differences of intensities are no longer finite numbers.
LARGEST = 1e300


@dataclass(frozen=True, slots=True, eq=False)
class Image:
    """A 2-D image of one or more channels.

    Parameters
    ----------
    name : str
        Name without folder and suffix; a well, for BBBC010.
    channels : ndarray of shape (n_channels, height, width)
        Intensities in the file's own data type; read-only.
    channel_names : tuple of str
        One for each channel.
    pixel_size : (float, float) or None
        y and x size of a pixel in micrometres, where the file states it.
    path : Path or None
        The file it comes from (the first, where each channel has its own).
    present : tuple of bool
        False for a channel of the model that the image doesn't have; it is filled with zeros.
        Default: all present.
    from_colours : bool, default False
        Whether the file is an RGB picture, whose luminance a channel is.

    Raises
    ------
    ValueError
        If ``channels`` is not three-dimensional, or the tuples don't fit it.
    """

    name: str
    channels: NDArray[Any]
    channel_names: tuple[str, ...]
    pixel_size: tuple[float, float] | None = None
    path: Path | None = None
    present: tuple[bool, ...] = ()
    from_colours: bool = False

    def __post_init__(self) -> None:
        if self.channels.ndim != 3:
            raise ValueError(f"expected channels, height, width, got {self.channels.shape}")
        if not self.present:
            object.__setattr__(self, "present", (True,) * len(self.channels))
        if not len(self.channels) == len(self.channel_names) == len(self.present):
            raise ValueError(
                f"{len(self.channels)} channels, {len(self.channel_names)} names and "
                f"{len(self.present)} presence flags don't fit together"
            )
        frozen = self.channels.view()
        frozen.flags.writeable = False
        object.__setattr__(self, "channels", frozen)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return (self.channels.shape[1], self.channels.shape[2])


def read_image(
    path: Path,
    axes: str | None = None,
    memory_limit: int | None = None,
    *,
    colours: bool = False,
    plane: tuple[int, ...] = (),
) -> Image:
    """Read one image file, all its channels in the file's order.

    TIFF of every common kind (OME, ImageJ, BigTIFF; the first series at full resolution), PNG
    and OME-Zarr. Axes come from the file's own metadata; axes of length 1 are dropped; RGB
    becomes one channel of luminance by default and alpha is dropped; see `axes.channels_first`
    for the rules. One bit pixels become 0 and 1 of 8 bits.

    Parameters
    ----------
    path : Path
        The file, or the folder of an OME-Zarr.
    axes : str, optional
        Meaning of the stored dimensions, e.g. ``"CYX"``, for a file that states them wrongly.
    memory_limit : int, optional
        Largest number of bytes to allocate; default: a quarter of the machine's memory.
    colours : bool, default False
        Whether red, green and blue of a picture are three channels.
    plane : tuple of int, default ()
        Of a stack, the plane that is wanted: its index along each axis of time or depth, in the
        file's order. The whole file is read for it; `open_image` reads the plane alone.

    Raises
    ------
    InputError
        If the file can't be read or is incomplete, is larger than memory holds, is not
        two-dimensional, or has complex, NaN or infinite values.
    """
    raster = read_raster(path, memory_limit)
    plan = arrangement(raster, str(path), axes, colours=colours, plane=plane)
    channels = np.ascontiguousarray(plan.of(raster))
    if channels.dtype.kind == "b":
        channels = channels.astype(np.uint8)
    check_values(channels, f"{path}{plane_words(plane)}")
    return Image(
        name=image_name(path),
        channels=channels,
        channel_names=named_channels(raster, len(channels)),
        pixel_size=raster.pixel_size,
        path=path,
        from_colours=plan.from_colours,
    )


def named_channels(raster: Raster, n_channels: int) -> tuple[str, ...]:
    """Names of the channels, by their number where the file has none that fit."""
    if len(raster.channel_names) == n_channels:
        return raster.channel_names
    return tuple(f"channel {i + 1}" for i in range(n_channels))


def check_values(channels: Pixels, where: Path | str) -> None:
    """Refuse values that are no intensities; those of integers need not be read.

    Raises
    ------
    InputError
        If there are complex, NaN, infinite or impossibly large values.
    """
    if channels.dtype.kind not in "uif":
        raise InputError(
            f"{where} has pixels of type {channels.dtype}; expected integers or real numbers, so "
            "save the magnitude or one component."
        )
    if channels.dtype.kind != "f":
        return
    n_broken, first, largest = 0, "", 0.0
    for channel in range(channels.shape[0]):
        for start, band in bands(channels, channel):
            broken = ~np.isfinite(band)
            if broken.any():
                y, x = np.unravel_index(int(np.argmax(broken)), broken.shape)
                first = first or f"channel {channel + 1} at y={start + y}, x={x}"
                n_broken += int(np.count_nonzero(broken))
            elif band.dtype.itemsize >= 8:
                largest = max(largest, float(np.abs(band).max()))
    if n_broken:
        raise InputError(
            f"{where} has {n_broken} {'pixel' if n_broken == 1 else 'pixels'} that are NaN or "
            f"infinite, the first in {first}; expected finite intensities, so replace them."
        )
    if largest > LARGEST:
        raise InputError(
            f"{where} has values beyond {LARGEST:g}, which are no intensities; expected those of a "
            "microscope, so export the image again."
        )
