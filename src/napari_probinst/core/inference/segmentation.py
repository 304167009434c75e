"""From an image to the instances of one draw, in two halves: the network, and what follows.

The first half is the same whatever the thresholds; its result, the foreground of each tile,
can be kept and segmented again under other settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.binning import bin_pages, enlarged
from napari_probinst.core.inference.clustering import group
from napari_probinst.core.inference.foreground import Foreground
from napari_probinst.core.inference.mean_shift import find_modes
from napari_probinst.core.inference.overlaps import resolve_overlaps
from napari_probinst.core.inference.stitching import stitch
from napari_probinst.core.inference.tiling import Tile, tile_layout
from napari_probinst.core.instances import Instance, InstanceSet
from napari_probinst.core.network.unet import BACKGROUND, FOREGROUND, OVERLAP

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.inference.draws import PixelPrediction, Realisation


@dataclass(frozen=True, slots=True, eq=False)
class TileForeground:
    """What one realisation sees in one tile, or in an image that needs no tiles.

    Parameters
    ----------
    tile : Tile
        Its place in the image.
    foreground : Foreground
        In pixels of the network.
    binning : int
        Pixels of the image a side that the network saw as one.
    """

    tile: Tile
    foreground: Foreground
    binning: int = 1


def segment_image(
    channels: NDArray[np.float32],
    realisation: Realisation,
    settings: InferenceConfig,
    extent: Shape,
) -> InstanceSet:
    """Instances of one draw: in one piece, or tile by tile where the image exceeds ``extent``."""
    height, width = channels.shape[1:]
    return segment_tiles(see_tiles(channels, realisation, extent), (height, width), settings)


def see_tiles(
    channels: NDArray[np.float32], realisation: Realisation, extent: Shape
) -> Iterator[TileForeground]:
    """Run the network tile by tile.

    Parameters
    ----------
    channels : ndarray of float32, shape (n_channels, height, width)
        Normalised intensities.
    realisation : Realisation
        One draw's network.
    extent : (int, int)
        Largest height and width that it may see at once, pixels.

    Yields
    ------
    TileForeground
        The next tile; the whole image where it doesn't exceed ``extent``.
    """
    height, width = channels.shape[1:]
    factor = realisation.binning
    stride = realisation.network.stride * factor
    # A network that was trained on less than this still needs room between the halos.
    least = max(2 * stride, 4)
    extent = (max(extent[0], least), max(extent[1], least))
    for tile in tile_layout((height, width), extent, stride=stride):
        seen = channels[:, *tile.slices]
        if factor > 1:
            rows, columns = tile.shape
            padding = ((0, 0), (0, -rows % factor), (0, -columns % factor))
            seen = bin_pages(np.pad(seen, padding, mode="edge"), factor)
        yield TileForeground(tile, select_foreground(realisation.apply(seen)), factor)


def select_foreground(pixels: PixelPrediction) -> Foreground:
    """Pixels that are at most as likely background as not, those of overlaps as the bridge."""
    background, overlap = pixels.classes[BACKGROUND], pixels.classes[OVERLAP]
    foreground = background <= 0.5
    overlapping = foreground & (overlap > pixels.classes[FOREGROUND])
    return Foreground.select(pixels.embeddings, foreground & ~overlapping, overlapping)


def segment_tiles(
    tiles: Iterable[TileForeground], shape: Shape, settings: InferenceConfig
) -> InstanceSet:
    """Instances of an image of ``shape`` (height, width) from what one draw saw in its tiles."""
    return join_tiles(((seen.tile, segment_tile(seen, settings)) for seen in tiles), shape)


def segment(pixels: PixelPrediction, settings: InferenceConfig) -> InstanceSet:
    """Instances of one draw in an image that went through the network at once."""
    height, width = pixels.classes.shape[1:]
    page = (0, 0, height, width)
    return segment_tile(TileForeground(Tile(page, page), select_foreground(pixels)), settings)


def join_tiles(parts: Iterable[tuple[Tile, InstanceSet]], shape: Shape) -> InstanceSet:
    """Instances of an image from those of its tiles; a single tile is the image."""
    found = list(parts)
    return found[0][1] if len(found) == 1 else stitch(found, shape)


def segment_tile(
    seen: TileForeground, settings: InferenceConfig, modes: NDArray[np.float32] | None = None
) -> InstanceSet:
    """Instances in one tile, in its pixels.

    Parameters
    ----------
    seen : TileForeground
        What the draw saw there.
    settings : InferenceConfig
        Thresholds.
    modes : ndarray of float32, shape (n_modes, n_dimensions), optional
        Those that `tile_modes` finds, if they are known already.
    """
    if modes is None:
        modes = tile_modes(seen, settings)
    labels = group(
        seen.foreground,
        modes,
        threshold=settings.cluster_threshold,
        min_size=_min_size(seen, settings),
    )
    instances = resolve_overlaps(labels, seen.foreground.overlap())
    if seen.binning == 1:
        return instances
    page = (0, 0, *seen.tile.shape)
    whole = (enlarged(instance, seen.binning) for instance in instances.instances)
    return InstanceSet(
        seen.tile.shape, tuple(Instance.from_mask(instance.crop(page)) for instance in whole)
    )


def tile_modes(seen: TileForeground, settings: InferenceConfig) -> NDArray[np.float32]:
    """Modes of the embeddings in a tile; they don't depend on the clustering threshold."""
    return find_modes(
        seen.foreground.vectors,
        bandwidth=settings.bandwidth,
        min_size=_min_size(seen, settings),
        n_seeds=settings.n_seeds,
    )


def _min_size(seen: TileForeground, settings: InferenceConfig) -> int:
    return settings.min_size // seen.binning**2
