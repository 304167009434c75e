"""A look at the whole of an image that is predicted in tiles, before its draws are made.

What depends on the image as a whole (the global context that a network reads, the share of
foreground by which its contours are calibrated) must not depend on the tile: contours would
jump at the seams. The network of the mean weights is asked, once for all draws: dropout hardly
thins the features that the context is made of, and the share is a mean over all pixels.
"""

from __future__ import annotations

from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_probinst.core.inference.draws import NOTHING_ELSE, Overview, mean_network
from napari_probinst.core.inference.first_layer import FirstLayer
from napari_probinst.core.inference.resampling import resampled
from napari_probinst.core.inference.segmentation import layout_of, read_tile
from napari_probinst.core.network.calibration import foreground_share
from napari_probinst.core.network.classes import BACKGROUND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.inference.draws import LookOver, Realisation
    from napari_probinst.core.inference.resampling import Windows
    from napari_probinst.core.inference.tiling import Tile
    from napari_probinst.core.network.checkpoint import Model
    from napari_probinst.core.network.device import Runtime

#: Tiles that are looked at, at most: of a larger image an even sample.
SAMPLE = 16


class Overviews:
    """Overviews of one image, each made when it is first asked for.

    Parameters
    ----------
    windows : array-like of float32, shape (n_channels, height, width)
        Normalised intensities.
    scale : float, default 1
        Times its size that the image is resampled to.
    alike : bool, default False
        Whether all draws see the image in one orientation: they share what the first layer makes
        of one that is seen as a whole.
    """

    def __init__(self, windows: Windows, scale: float = 1.0, *, alike: bool = False) -> None:
        self.windows = windows
        self._scale = scale
        self._alike = alike
        self._lock = Lock()
        self._known: dict[tuple[int, Runtime, Shape], Overview] = {}

    def of(self, model: Model, runtime: Runtime, extent: Shape) -> LookOver:
        """What a model is to know of the image, on a device, in tiles of a size."""
        key = (id(model), runtime, extent)

        def look() -> Overview:
            with self._lock:
                if key not in self._known:
                    self._known[key] = self._look(model, runtime, extent)
                return self._known[key]

        return look

    def _look(self, model: Model, runtime: Runtime, extent: Shape) -> Overview:
        seen = resampled(self.windows, self._scale)
        stride = model.network.stride * model.header.binning
        if len(layout_of(seen.shape, extent, stride)) == 1:
            return Overview(first=FirstLayer()) if self._alike else NOTHING_ELSE
        mean = mean_network(
            model.network,
            runtime=runtime,
            binning=model.header.binning,
            calibration=model.header.calibration,
        )
        return look_over(self.windows, mean, extent, self._scale)


def look_over(channels: Windows, mean: Realisation, extent: Shape, scale: float = 1.0) -> Overview:
    """Overview of an image that is seen in tiles, by the mean network.

    Parameters
    ----------
    channels : array-like of float32, shape (n_channels, height, width)
        Normalised intensities; a tile's at a time is read.
    mean : Realisation
        The mean network, as by `mean_network`.
    extent : (int, int)
        Largest height and width, at that scale, that it may see at once, pixels.
    scale : float, default 1
        Times its size that the image is resampled to.
    """
    seen = resampled(channels, scale)
    tiles = _sample(layout_of(seen.shape, extent, mean.stride))
    found = NOTHING_ELSE
    if mean.network.context is not None:
        found = Overview(context=_context(seen, mean, tiles))
    if mean.calibration is not None and mean.calibration.follows_share:
        found = replace(found, share=_share(seen, mean, tiles, found))
    return found


def _sample(layout: Sequence[Tile]) -> list[Tile]:
    """At most `SAMPLE` of the tiles, none twice, in no pattern of rows and columns."""
    chosen = np.random.default_rng(0).permutation(len(layout))[:SAMPLE]
    return [layout[index] for index in np.sort(chosen)]


@torch.inference_mode()
def _context(seen: Windows, mean: Realisation, tiles: Sequence[Tile]) -> torch.Tensor:
    # Over the cores, as the share: they share no pixel, and lie away from the tiles' borders.
    means, areas = [], []
    for tile in tiles:
        batch = mean.entering(read_tile(seen, tile, mean.binning))
        core = _core_slices(tile, mean.binning)
        with mean.runtime.autocast():
            means.append(mean.network.means(batch, core).float().cpu())
        areas.append((core[0].stop - core[0].start) * (core[1].stop - core[1].start))
    weights = torch.tensor(areas, dtype=torch.float32) / sum(areas)
    average = (torch.cat(means) * weights.view(-1, 1, 1, 1)).sum(dim=0, keepdim=True)
    with mean.runtime.autocast():
        return mean.network.context_of(average.to(mean.runtime.device)).float().cpu()


def _share(seen: Windows, mean: Realisation, tiles: Sequence[Tile], known: Overview) -> float:
    uncalibrated = replace(mean, calibration=None)
    shares, areas = [], []
    for tile in tiles:
        pixels = uncalibrated.apply(read_tile(seen, tile, mean.binning), overview=known)
        core = pixels.classes[BACKGROUND][_core_slices(tile, mean.binning)]
        shares.append(foreground_share(core))
        areas.append(core.size)
    return float(np.average(shares, weights=areas))


def _core_slices(tile: Tile, binning: int) -> tuple[slice, slice]:
    """Rows and columns of a tile's core in what the network sees of the tile."""
    y0, x0 = tile.origin
    top, left, bottom, right = tile.core
    return (
        slice((top - y0) // binning, -((y0 - bottom) // binning)),
        slice((left - x0) // binning, -((x0 - right) // binning)),
    )
