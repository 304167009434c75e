"""Whether a file is the image of a prediction, by its pixels: it may have been renamed."""

from __future__ import annotations

from itertools import combinations, permutations, product
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.curation.image_files import find_image_files
from napari_probinst.core.data.checksum import image_checksum
from napari_probinst.core.data.files import IMAGE_SUFFIXES
from napari_probinst.core.data.lazy import ChannelStack, open_image, read_layout
from napari_probinst.core.data.ome_zarr_reader import is_zarr
from napari_probinst.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_probinst.core.data.images import Image
    from napari_probinst.core.data.lazy import LazyImage
    from napari_probinst.core.pixels import Pixels
    from napari_probinst.core.prediction import Provenance


def is_image_of(path: Path, provenance: Provenance) -> bool:
    """Whether a file holds the pixels that a prediction was made of, or one channel of them.

    Parameters
    ----------
    path : Path
        A file or an OME-Zarr; what is no image, or can't be read, is not the one.
    provenance : Provenance
        Of the prediction; of images without a checksum nothing is known.

    Notes
    -----
    Each plane of a stack is looked at, and colours also as three channels; channels that the
    model has and the file hasn't may have been absent. The partner of a file that holds one
    channel is one whose name says so.
    """
    if not provenance.image_checksum or not (
        is_zarr(path) or (path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    ):
        return False
    return any(
        image_checksum(channels) == provenance.image_checksum
        for planes in _readings(path)
        for channels in _arranged(planes, provenance.n_channels)
    )


def _readings(path: Path) -> Iterator[Sequence[tuple[Pixels, int]]]:
    """What may be read of a file, and of the others of its image: channels, each with its index."""
    try:
        layout = read_layout(path)
    except InputError:
        return
    every = [()] if layout is None else list(product(*map(range, layout.planes)))
    partners = [
        other
        for files in find_image_files([path.parent]).values()
        for other in files
        if path in files and other != path
    ]
    for plane, colours in product(every, (False, True)):
        own = _opened(path, plane, colours=colours)
        if own is None:
            continue
        planes = [(own.channels, i) for i in range(own.channels.shape[0])]
        yield planes
        others = [_opened(other, plane, colours=colours) for other in partners]
        beside = [(each.channels, 0) for each in others if each and each.shape == own.shape]
        if beside and len(planes) == 1:
            yield from permutations([*planes, *beside])


def _opened(path: Path, plane: tuple[int, ...], *, colours: bool) -> Image | LazyImage | None:
    try:
        return open_image(path, colours=colours, plane=plane)
    except InputError:
        return None


def _arranged(planes: Sequence[tuple[Pixels, int]], n_channels: int) -> Iterator[ChannelStack]:
    """Channels as a model may have seen them, some of its own being absent."""
    height, width = planes[0][0].shape[1:]
    dtype = np.result_type(*(pixels.dtype for pixels, _ in planes))
    n = max(n_channels, len(planes))
    for slots in combinations(range(n), len(planes)):
        placed = dict(zip(slots, planes, strict=True))
        yield ChannelStack(tuple(placed.get(i) for i in range(n)), (n, height, width), dtype)
