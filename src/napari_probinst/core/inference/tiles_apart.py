"""Tiles of a large image computed apart from each other, for example on several machines.

Each goes into the `TileCache` of the image. When all are there, `Predictor.predict` with that
cache joins them, and computes what may still be missing: the result is the same in any case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_probinst.core.inference.ensemble import common_extent, own_settings, take_turns
from napari_probinst.core.inference.resampling import resampled_shape
from napari_probinst.core.inference.segmentation import layout_of, segment_some

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.inference.overview import Overviews
    from napari_probinst.core.inference.pipeline import Predictor
    from napari_probinst.core.inference.tile_cache import TileCache


def tile_counts(
    predictor: Predictor, shape: Shape, settings: InferenceConfig, cache: TileCache | None = None
) -> tuple[int, ...]:
    """Tiles of each draw of an image; none of a draw that a cache holds as a whole.

    Parameters
    ----------
    predictor : Predictor
        Models and device.
    shape : (int, int)
        Height and width of the image, pixels.
    settings : InferenceConfig
        Scale and number of draws.
    cache : TileCache, optional
        Of `Predictor.tile_cache`.

    Returns
    -------
    tuple of int, length n_draws
        Empty where the image is seen in one piece.
    """
    extent = common_extent(predictor.models)
    seen = resampled_shape(shape, settings.scale)
    turns = take_turns(predictor.models, settings)
    counts = [len(layout_of(seen, extent, turn.stride)) for turn in turns]
    if all(count == 1 for count in counts):
        return ()
    return tuple(
        0 if cache is not None and turn.tiles(cache, shape).find_whole() is not None else count
        for turn, count in zip(turns, counts, strict=True)
    )


def keep_tiles(
    predictor: Predictor,
    image: Overviews,
    settings: InferenceConfig,
    cache: TileCache,
    *,
    draw: int,
    numbers: Sequence[int],
) -> None:
    """Compute some tiles of one draw, unless the cache has them, and keep them there.

    Parameters
    ----------
    predictor : Predictor
        Models and device.
    image : Overviews
        Of the image, whose parts are normalised, as by `normalised`.
    settings : InferenceConfig
        As for the prediction.
    cache : TileCache
        Of `Predictor.tile_cache`, begun.
    draw : int
        Which draw, from 0.
    numbers : sequence of int
        Which tiles of those that `tile_counts` has counted, from 0.

    Raises
    ------
    OutputError
        If a tile can't be written.
    """
    turn = take_turns(predictor.models, settings)[draw]
    _, height, width = image.windows.shape
    extent = common_extent(predictor.models)
    realisation = predictor.realise(turn, settings.seed, predictor.runtime)
    segment_some(
        image.windows,
        realisation,
        own_settings(turn.model, settings, predictor.model.header.inference),
        extent,
        numbers=numbers,
        overview=image.of(turn.model, predictor.runtime, extent),
        store=turn.tiles(cache, (height, width)).under(predictor.runtime, extent),
    )
