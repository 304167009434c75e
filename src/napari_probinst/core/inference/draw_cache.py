"""Keep what the network saw, so that draws can be segmented again under other settings."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.inference.foreground import Foreground
from napari_probinst.core.inference.segmentation import (
    TileForeground,
    join_tiles,
    segment_tile,
    tile_modes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.instances import InstanceSet


class CachedDraw:
    """What one draw saw in an image, in memory or in a file, and the modes found in it so far.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image, pixels.
    tiles : sequence of TileForeground
        All tiles of the image.
    file : Path, optional
        Where to keep the foregrounds instead of in memory.
    """

    def __init__(
        self, shape: Shape, tiles: Sequence[TileForeground], file: Path | None = None
    ) -> None:
        self._shape = shape
        self._file = file
        self._frames = [(seen.tile, seen.binning, seen.foreground.shape) for seen in tiles]
        self._tiles = tuple(tiles)
        self._modes: dict[tuple[int, float, int, int], NDArray[np.float32]] = {}
        if file is not None:
            _write(file, [seen.foreground for seen in tiles])
            self._tiles = ()

    def segment(self, settings: InferenceConfig) -> InstanceSet:
        """Instances of the draw under these settings: what a prediction would have made."""
        return join_tiles(
            (
                (seen.tile, segment_tile(seen, settings, self._modes_of(index, seen, settings)))
                for index, seen in enumerate(self._read())
            ),
            self._shape,
            settings.scale,
        )

    def _modes_of(
        self, index: int, seen: TileForeground, settings: InferenceConfig
    ) -> NDArray[np.float32]:
        key = (index, settings.bandwidth, settings.min_size, settings.n_seeds)
        if key not in self._modes:
            self._modes[key] = tile_modes(seen, settings)
        return self._modes[key]

    def _read(self) -> Iterator[TileForeground]:
        if self._file is None:
            yield from self._tiles
            return
        with np.load(self._file, allow_pickle=False) as arrays:
            for index, (tile, binning, shape) in enumerate(self._frames):
                foreground = Foreground(shape, *(arrays[f"{index}.{name}"] for name in _ARRAYS))
                yield TileForeground(tile, foreground, binning)


class DrawCache:
    """Draws of any number of images, of which a limited part is held in memory.

    Only the foreground is kept: about 1 MB for a draw of a well of BBBC010, in float32, so
    that segmenting it gives exactly what a prediction does.

    Parameters
    ----------
    folder : Path
        For what goes beyond the limit: one file a draw.
    memory_limit : int
        Bytes of foregrounds to hold in memory.
    """

    def __init__(self, folder: Path, memory_limit: int) -> None:
        self._folder = folder
        self._left = memory_limit
        self._n_files = 0

    @property
    def n_files(self) -> int:
        """Draws that went to a file."""
        return self._n_files

    def keep(self, shape: Shape, tiles: Sequence[TileForeground]) -> CachedDraw:
        """Keep a draw of an image of ``shape`` (height, width)."""
        n_bytes = sum(seen.foreground.n_bytes for seen in tiles)
        if n_bytes <= self._left:
            self._left -= n_bytes
            return CachedDraw(shape, tiles)
        self._n_files += 1
        return CachedDraw(shape, tiles, self._folder / f"{self._n_files}.npz")


@contextmanager
def draw_cache(memory_limit: int) -> Iterator[DrawCache]:
    """Cache whose files, in the system's folder for temporary ones, vanish with the block."""
    with tempfile.TemporaryDirectory(prefix="napari-probinst-") as folder:
        yield DrawCache(Path(folder), memory_limit)


_ARRAYS = ("pixels", "vectors", "bridge")


def _write(file: Path, foregrounds: Sequence[Foreground]) -> None:
    arrays = {
        f"{index}.{name}": getattr(foreground, name)
        for index, foreground in enumerate(foregrounds)
        for name in _ARRAYS
    }
    np.savez(file, **arrays)
