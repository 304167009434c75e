"""OME-Zarr as an image: versions 0.4 and 0.5, of a pyramid the full resolution.

J. Moore et al., "OME-NGFF: a next-generation file format for expanding bioimaging
data-access strategies", Nature Methods 18, 2021, doi:10.1038/s41592-021-01326-w.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.data.raster import OpenRaster, Raster, check_size, refusing_damage
from napari_probinst.core.data.tiff_metadata import MICROMETRES
from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_AXES = frozenset("CZTYX")
#: Where Zarr 3 and Zarr 2 keep what is known about a folder.
_METADATA = ("zarr.json", ".zattrs", ".zgroup")


def is_zarr(path: Path) -> bool:
    """Whether a folder is one of Zarr, by its metadata: an image, not a folder of images."""
    return path.is_dir() and any((path / name).is_file() for name in _METADATA)


#: Key of what this program says about its own files.
OWN_KEY = "napari-probinst"


def is_own_export(path: Path) -> bool:
    """Whether a folder of Zarr holds instances that this program has exported: no image."""
    try:
        content = json.loads((path / "zarr.json").read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and OWN_KEY in content.get("attributes", {})


def open_ome_zarr(path: Path, memory_limit: int | None = None) -> OpenRaster:
    """Look at an OME-Zarr image, whose pixels stay on the disk.

    Parameters
    ----------
    path : Path
        Folder of one image: OME-Zarr 0.4 or 0.5, of any axes.
    memory_limit : int, optional
        Largest number of bytes that a chunk may have; default: a share of the machine's memory.

    Raises
    ------
    InputError
        If it is no OME-Zarr image, is a plate or a collection of images, or is damaged.
    """
    import zarr

    with refusing_damage(path, "OME-Zarr"):
        group = zarr.open(path, mode="r")
        attributes: dict[str, Any] = dict(group.attrs)
        # 0.5 has a namespace of its own; up to 0.4 all lies open.
        ome = attributes.get("ome", attributes)
        pyramid = _pyramid(path, group, ome)
        level = pyramid["datasets"][0]
        array = group[level["path"]]
        if not isinstance(array, zarr.Array):
            raise TypeError(f"{level['path']} is no array")
        letters = _letters(pyramid["axes"], array.ndim)
        check_size(path, array.chunks, array.dtype.itemsize, memory_limit)
        if math.prod(array.shape) == 0:
            check_size(path, array.shape, array.dtype.itemsize)
        header = Raster(
            pixels=np.broadcast_to(np.zeros((), array.dtype.newbyteorder("=")), array.shape),
            axes=letters,
            bits=8 * array.dtype.itemsize,
            channel_names=_channel_names(ome),
            pixel_size=_pixel_size(pyramid, level),
        )
        return OpenRaster(header, _Chunks(path, array))


class _Chunks:
    """Pixels of an array on disk; what goes wrong while they are read is a sentence."""

    def __init__(self, path: Path, array: Any) -> None:
        self._path = path
        self._array = array
        self.shape: tuple[int, ...] = array.shape
        self.dtype: np.dtype[Any] = array.dtype

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Decode a window."""
        with refusing_damage(self._path, "OME-Zarr"):
            window = np.asarray(self._array[key])
            return window.astype(self.dtype.newbyteorder("="), copy=False)


def _pyramid(path: Path, group: Any, ome: Mapping[str, Any]) -> Mapping[str, Any]:
    if "plate" in ome:
        raise InputError(
            f"{path} is a plate of many images; expected one image, so name a field of a well, "
            f"such as {path / 'A' / '1' / '0'}."
        )
    pyramids = ome.get("multiscales")
    if pyramids:
        first: Mapping[str, Any] = pyramids[0]
        return first
    inside = sorted(getattr(group, "group_keys", list)())
    if inside:
        raise InputError(
            f"{path} is a collection of Zarr groups; expected one image, so name it, for "
            f"instance {path / inside[0]}."
        )
    raise InputError(f"{path} is Zarr, but no OME-Zarr image; convert it to OME-Zarr or TIFF.")


def _letters(axes: Sequence[Mapping[str, Any]], n_dimensions: int) -> str:
    names = [str(axis["name"]).upper() for axis in axes]
    if len(names) != n_dimensions:
        raise ValueError(f"{len(names)} axes for {n_dimensions} dimensions")
    return "".join(name if name in _AXES else "Q" for name in names)


def _channel_names(ome: Mapping[str, Any]) -> tuple[str, ...]:
    channels = ome.get("omero", {}).get("channels", [])
    names = tuple(str(channel.get("label", "")) for channel in channels)
    return names if all(names) else ()


def _pixel_size(pyramid: Mapping[str, Any], level: Mapping[str, Any]) -> tuple[float, float] | None:
    """Size of a pixel of the full resolution, micrometres, where the units are known."""
    sizes = np.ones(len(pyramid["axes"]))
    for owner in (level, pyramid):
        for transformation in owner.get("coordinateTransformations", []):
            if transformation.get("type") == "scale":
                sizes = sizes * np.asarray(transformation["scale"], dtype=float)
    known = {}
    for axis, size in zip(pyramid["axes"], sizes.tolist(), strict=True):
        factor = MICROMETRES.get(str(axis.get("unit")))
        if factor is not None and math.isfinite(size) and size > 0:
            known[axis["name"]] = factor * size
    return (known["y"], known["x"]) if {"y", "x"} <= set(known) else None
