"""From an image to the instances of one draw, in two halves: the network, and what follows.

The first half is the same whatever the thresholds; its result, the foreground of each tile,
can be kept and segmented again under other settings.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Protocol

import numpy as np

from napari_probinst.core.binning import bin_pages, enlarged
from napari_probinst.core.inference.clustering import group
from napari_probinst.core.inference.draws import LookOver, of_itself
from napari_probinst.core.inference.foreground import Foreground
from napari_probinst.core.inference.mean_shift import find_modes
from napari_probinst.core.inference.overlaps import resolve_overlaps
from napari_probinst.core.inference.own_bandwidth import part_outsized
from napari_probinst.core.inference.parallel import in_order
from napari_probinst.core.inference.resampling import resampled, resampled_shape, restored
from napari_probinst.core.inference.stitching import stitch
from napari_probinst.core.inference.tiling import Tile, tile_layout
from napari_probinst.core.instances import Instance, InstanceSet
from napari_probinst.core.network.classes import BACKGROUND, FOREGROUND, OVERLAP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.inference.draws import PixelPrediction, Realisation
    from napari_probinst.core.inference.resampling import Windows


@dataclass(frozen=True, slots=True, eq=False)
class TileForeground:
    """What one realisation sees in one tile, or in an image that needs no tiles.

    Parameters
    ----------
    tile : Tile
        Its place in the image at the scale of the settings.
    foreground : Foreground
        In pixels of the network.
    binning : int
        Pixels of that image a side that the network saw as one.
    """

    tile: Tile
    foreground: Foreground
    binning: int = 1


class TileStore(Protocol):
    """Keeps what one draw has found in its tiles, so that a stopped run can go on."""

    def find(self, tile: Tile) -> InstanceSet | None:
        """Instances in a tile, in its pixels, if they are known."""
        ...

    def keep(self, tile: Tile, instances: InstanceSet) -> None:
        """Keep the instances that were found in a tile."""
        ...


def segment_image(
    channels: Windows,
    realisation: Realisation,
    settings: InferenceConfig,
    extent: Shape,
    *,
    overview: LookOver = of_itself,
    store: TileStore | None = None,
    on_tile: Callable[[int, int], None] | None = None,
) -> InstanceSet:
    """Instances of one draw: in one piece, or tile by tile where the image exceeds ``extent``.

    Parameters
    ----------
    channels : array-like of float32, shape (n_channels, height, width)
        Normalised intensities; a tile's at a time is read, and resampled where need be.
    realisation : Realisation
        One draw's network.
    settings : InferenceConfig
        Scale and thresholds.
    extent : (int, int)
        Largest height and width, at the scale of the settings, that the network may see at
        once, pixels.
    overview : callable, optional
        Returns the `Overview` of an image that exceeds it; called when a tile is computed.
    store : TileStore, optional
        Asked before a tile of several is computed, and told afterwards.
    on_tile : callable, optional
        Called with (tiles done, tiles in all) after each; what it raises ends the work.
    """
    _, height, width = channels.shape
    seen = resampled(channels, settings.scale)
    layout = layout_of(seen.shape, extent, realisation.stride)
    kept = store if len(layout) > 1 else None

    def see(tile: Tile) -> InstanceSet:
        return _find_or_segment(seen, realisation, settings, tile, store=kept, overview=overview)

    def found() -> Iterator[tuple[Tile, InstanceSet]]:
        # On other devices tiles would only wait for each other.
        n_at_once = 0 if len(layout) > 1 and realisation.runtime.device == "cpu" else 1
        results = in_order(see, layout, n_at_once=n_at_once)
        for number, (tile, instances) in enumerate(zip(layout, results, strict=True), start=1):
            if on_tile is not None:
                on_tile(number, len(layout))
            yield tile, instances

    return join_tiles(found(), (height, width), settings.scale)


def segment_some(
    channels: Windows,
    realisation: Realisation,
    settings: InferenceConfig,
    extent: Shape,
    *,
    numbers: Sequence[int],
    store: TileStore,
    overview: LookOver = of_itself,
) -> None:
    """Do some of the tiles of `segment_image`, which finds them in ``store`` afterwards.

    Parameters
    ----------
    channels, realisation, settings, extent, overview
        As there.
    numbers : sequence of int
        Which tiles, from 0 in the order of the layout.
    store : TileStore
        Told of each; one that it knows is not computed.
    """
    seen = resampled(channels, settings.scale)
    layout = layout_of(seen.shape, extent, realisation.stride)
    for number in numbers:
        _find_or_segment(
            seen, realisation, settings, layout[number], store=store, overview=overview
        )


def _find_or_segment(
    seen: Windows,
    realisation: Realisation,
    settings: InferenceConfig,
    tile: Tile,
    *,
    store: TileStore | None,
    overview: LookOver,
) -> InstanceSet:
    known = store.find(tile) if store is not None else None
    if known is not None:
        return known
    instances = segment_tile(_see_tile(seen, realisation, tile, overview), settings)
    if store is not None:
        store.keep(tile, instances)
    return instances


def see_tiles(
    channels: Windows,
    realisation: Realisation,
    extent: Shape,
    scale: float = 1.0,
    overview: LookOver = of_itself,
) -> Iterator[TileForeground]:
    """Run the network tile by tile.

    Parameters
    ----------
    channels : array-like of float32, shape (n_channels, height, width)
        Normalised intensities.
    realisation : Realisation
        One draw's network.
    extent : (int, int)
        Largest height and width, at that scale, that it may see at once, pixels.
    scale : float, default 1
        Times its size that the image is resampled to.
    overview : callable, optional
        Returns the `Overview` of an image that exceeds the extent.

    Yields
    ------
    TileForeground
        The next tile; the whole image where it doesn't exceed ``extent``.
    """
    seen = resampled(channels, scale)
    for tile in layout_of(seen.shape, extent, realisation.stride):
        yield _see_tile(seen, realisation, tile, overview)


def layout_of(shape: Sequence[int], extent: Shape, stride: int) -> tuple[Tile, ...]:
    """Tiles in which a network sees an image.

    Parameters
    ----------
    shape : sequence of int
        Of the image as it is seen; height and width last.
    extent : (int, int)
        Largest height and width of a tile, pixels.
    stride : int
        Of the network, in pixels of the image.
    """
    height, width = shape[-2:]
    # A network that was trained on less than this still needs room between the halos.
    least = max(2 * stride, 4)
    return tile_layout(
        (height, width), (max(extent[0], least), max(extent[1], least)), stride=stride
    )


def _see_tile(
    channels: Windows, realisation: Realisation, tile: Tile, overview: LookOver
) -> TileForeground:
    seen = read_tile(channels, tile, realisation.binning)
    pixels = realisation.apply(seen, overview=overview())
    return TileForeground(tile, select_foreground(pixels), realisation.binning)


def read_tile(channels: Windows, tile: Tile, binning: int) -> NDArray[np.float32]:
    """Pixels of a tile as a network sees them.

    Parameters
    ----------
    channels : array-like of float32, shape (n_channels, height, width)
        Normalised intensities of the image, at the scale of the settings.
    tile : Tile
        Its place there.
    binning : int
        Pixels a side that the network sees as one.

    Returns
    -------
    ndarray of float32, shape (n_channels, height, width)
        Of the tile, divided by the binning and rounded up.
    """
    seen = channels[(slice(None), *tile.slices)]
    if binning == 1:
        return seen
    rows, columns = tile.shape
    padding = ((0, 0), (0, -rows % binning), (0, -columns % binning))
    return bin_pages(np.pad(seen, padding, mode="edge"), binning)


def select_foreground(pixels: PixelPrediction) -> Foreground:
    """Pixels that are at most as likely background as not, those of overlaps as the bridge."""
    background, overlap = pixels.classes[BACKGROUND], pixels.classes[OVERLAP]
    foreground = background <= 0.5
    overlapping = foreground & (overlap > pixels.classes[FOREGROUND])
    return Foreground.select(pixels.vectors, foreground & ~overlapping, overlapping)


def segment_tiles(
    tiles: Iterable[TileForeground], shape: Shape, settings: InferenceConfig
) -> InstanceSet:
    """Instances of an image of ``shape`` (height, width) from what one draw saw in its tiles."""
    parts = ((seen.tile, segment_tile(seen, settings)) for seen in tiles)
    return join_tiles(parts, shape, settings.scale)


def segment(pixels: PixelPrediction, settings: InferenceConfig) -> InstanceSet:
    """Instances of one draw in an image that went through the network at once."""
    height, width = pixels.classes.shape[1:]
    page = (0, 0, height, width)
    return segment_tile(TileForeground(Tile(page, page), select_foreground(pixels)), settings)


def join_tiles(
    parts: Iterable[tuple[Tile, InstanceSet]], shape: Shape, scale: float = 1.0
) -> InstanceSet:
    """Instances of an image, in its own pixels, from those of its tiles.

    Parameters
    ----------
    parts : iterable of (Tile, InstanceSet)
        Tiles of the image at ``scale``; a single one is all of it.
    shape : (int, int)
        Height and width of the image at its own scale, pixels.
    scale : float, default 1
        Times its size that the image was resampled to.
    """
    coming = iter(parts)
    first = next(coming)
    seen = resampled_shape(shape, scale)
    if first[0].shape == seen:
        return restored(first[1], shape)
    # One after the other: what a tile sees in its halo alone need not be held.
    return restored(stitch(chain([first], coming), seen), shape)


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
    if settings.own_bandwidth:
        labels = part_outsized(
            labels,
            seen.foreground,
            bandwidth=settings.bandwidth,
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
