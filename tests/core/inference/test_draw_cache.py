from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.inference import draw_cache as module
from napari_probinst.core.inference.draw_cache import draw_cache
from napari_probinst.core.inference.embeddings import Embeddings
from napari_probinst.core.inference.foreground import Foreground
from napari_probinst.core.inference.segmentation import TileForeground, segment_tiles
from napari_probinst.core.inference.tiling import Tile, tile_layout

SETTINGS = InferenceConfig(bandwidth=1.0, cluster_threshold=1.0, min_size=2, n_seeds=32)


def _seen(tile, page, binning=1):
    """Draw in whose tile the number of each pixel is its embedding; 9 is overlap, 0 background."""
    content = page[tile.slices][::binning, ::binning]
    embeddings = np.stack([8 * content, 0 * content]).astype(np.float32)
    overlap = content == 9
    selected = Foreground.select(Embeddings(embeddings), (content > 0) & ~overlap, overlap)
    return TileForeground(tile, selected, binning)


def _page(shape=(12, 20), seed=0):
    page = np.zeros(shape, int)
    page[1:5, 1:9], page[4:10, 6:8], page[7:11, 10:19] = 1, 2, 3
    page[4, 6:8] = 9
    return page


def _pixels(instances):
    return [(item.bbox, item.mask.tobytes()) for item in instances.instances]


def _whole(page):
    everything = (0, 0, *page.shape)
    return [_seen(Tile(everything, everything), page)]


def _binned(page):
    everything = (0, 0, *page.shape)
    return [_seen(Tile(everything, everything), page, binning=2)]


def _tiled(page):
    return [_seen(tile, page) for tile in tile_layout(page.shape, (12, 12), 4)]


@pytest.mark.parametrize("see", [_whole, _binned, _tiled])
@pytest.mark.parametrize("limit", [0, 10**6])
def test_segmented_from_the_cache_as_at_once(see, limit):
    page = _page()
    tiles = see(page)
    with draw_cache(limit) as cache:
        draw = cache.keep(page.shape, tiles)
        assert cache.n_files == (limit == 0)
        for changes in ({}, {"cluster_threshold": 9.0}, {"bandwidth": 20.0}, {"min_size": 20}, {}):
            settings = SETTINGS.model_copy(update=changes)
            expected = segment_tiles(tiles, page.shape, settings)
            assert _pixels(draw.segment(settings)) == _pixels(expected)
        assert len(expected) > 1, "the test's image holds nothing"


def test_memory_is_bounded():
    page = _page()
    tiles = _whole(page)
    size = tiles[0].foreground.n_bytes
    with draw_cache(2 * size + 1) as cache:
        files = []
        for _ in range(4):
            cache.keep(page.shape, tiles)
            files.append(cache.n_files)
    assert files == [0, 0, 1, 2]


def test_files_vanish_with_the_block():
    page = _page()
    with draw_cache(0) as cache:
        cache.keep(page.shape, _whole(page))
        folder = cache._folder
        assert len(list(folder.iterdir())) == 1
    assert not folder.exists()


def test_modes_are_found_once_for_a_bandwidth(monkeypatch):
    found = []
    original = module.tile_modes
    monkeypatch.setattr(
        module, "tile_modes", lambda *given: (found.append(given), original(*given))[1]
    )
    page = _page()
    with draw_cache(10**6) as cache:
        draw = cache.keep(page.shape, _whole(page))
        for threshold in (1.0, 2.0, 3.0):
            draw.segment(SETTINGS.model_copy(update={"cluster_threshold": threshold}))
        assert len(found) == 1
        draw.segment(SETTINGS.model_copy(update={"bandwidth": 2.0}))
        assert len(found) == 2


def test_an_empty_image():
    page = np.zeros((4, 6), int)
    with draw_cache(0) as cache:
        assert len(cache.keep(page.shape, _whole(page)).segment(SETTINGS)) == 0
