"""The tiles of one large image as tasks of their own, which different workers can do.

An image is looked at first (`begin_image`). One that is seen in one piece is predicted there and
then. Of a larger one, blocks of tiles are computed in any order (`compute_block`) and kept beside
the results, where `predict_image` finds them in the end.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from napari_probinst.core.batch.job import Outcome
from napari_probinst.core.batch.predicting import (
    compute,
    loaded_predictor,
    read_image,
    tile_folder,
)
from napari_probinst.core.data.checksum import image_checksum
from napari_probinst.core.errors import InputError
from napari_probinst.core.inference.inputs import check_channels, normalised
from napari_probinst.core.inference.overview import Overviews
from napari_probinst.core.inference.resources import is_out_of_memory
from napari_probinst.core.inference.tiles_apart import keep_tiles, tile_counts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_probinst.core.batch.job import Job
    from napari_probinst.core.batch.predicting import ReadImage
    from napari_probinst.core.data.io import Image, ImageSource, LazyImage
    from napari_probinst.core.inference.tile_cache import TileCache

#: Tiles of a task: some seconds of work, so that handing out tasks costs nothing beside it.
BLOCK = 16


@dataclass(frozen=True, slots=True)
class TilePlan:
    """What is to be done of a large image before it can be joined.

    Parameters
    ----------
    checksum : str
        Of its pixels. A file that changes meanwhile is noticed in the end, by `predict_image`,
        which then makes all tiles anew.
    n_tiles : tuple of int, length n_draws
        Tiles of each draw; 0 of one that is finished.
    """

    checksum: str
    n_tiles: tuple[int, ...]

    def blocks(self) -> Iterator[tuple[int, range]]:
        """Yield each draw with some of its tiles: together all tiles of all draws."""
        for draw, count in enumerate(self.n_tiles):
            for start in range(0, count, BLOCK):
                yield draw, range(start, min(start + BLOCK, count))


def begin_image(job: Job, source: ImageSource) -> Outcome | TilePlan:
    """Predict an image if it is seen in one piece; otherwise say what its tiles are.

    Raises
    ------
    OutputError
        If the folder for the tiles, or the results, can't be written.
    """
    return begin_read(job, read_image(job, source))


def begin_read(job: Job, read: ReadImage | Outcome) -> Outcome | TilePlan:
    """`begin_image` for an image that was read before."""
    if isinstance(read, Outcome):
        return read
    image, predictor = read.image, loaded_predictor(job)
    if not tile_counts(predictor, image.shape, job.settings):
        return compute(job, predictor, read)
    try:
        check_channels(image.channels, predictor.model.header.network.channels, image.present)
        checksum = image_checksum(image.channels)
    except InputError as error:
        return Outcome(image.name, "refused", reason=str(error))
    cache = _cache(job, image, checksum)
    cache.begin()
    return TilePlan(checksum, tile_counts(predictor, image.shape, job.settings, cache))


def is_in_tiles(job: Job, source: ImageSource) -> bool:
    """Whether an image is predicted in tiles; one that can't be read is not."""
    try:
        shape = source.open(job.axes).shape
    except InputError:
        return False
    return bool(tile_counts(loaded_predictor(job), shape, job.settings))


def compute_block(job: Job, source: ImageSource, checksum: str, draw: int, numbers: range) -> float:
    """Compute some tiles of one draw, and keep them for `predict_image`.

    Parameters
    ----------
    job, source
        As for `begin_image`, which has been called.
    checksum : str
        That of the plan.
    draw : int
        Which draw, from 0.
    numbers : range
        Which tiles, from 0.

    Returns
    -------
    float
        Seconds that it took. Where memory ran out, or the file can't be read any more, nothing
        is kept: `predict_image` does without, or says what is wrong.
    """
    began = time.perf_counter()
    try:
        image, seen = _opened(job, source, checksum)
        keep_tiles(
            loaded_predictor(job),
            seen,
            job.settings,
            _cache(job, image, checksum),
            draw=draw,
            numbers=numbers,
        )
    except InputError:
        pass
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
    return time.perf_counter() - began


@lru_cache(maxsize=1)
def _opened(job: Job, source: ImageSource, checksum: str) -> tuple[Image | LazyImage, Overviews]:
    """Image, and as networks see it: looked over once in each process, not for each block."""
    del checksum
    image = source.open(job.axes)
    channels = loaded_predictor(job).model.header.network.channels
    windows = normalised(image.channels, channels, image.present)
    return image, Overviews(windows, job.settings.scale)


def _cache(job: Job, image: Image | LazyImage, checksum: str) -> TileCache:
    return loaded_predictor(job).tile_cache(
        tile_folder(job, image.name), checksum, job.settings, image.present
    )
