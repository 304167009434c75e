"""A stopped prediction goes on where it was, and gives the same."""

import numpy as np
import pytest
import torch
import zarr

from napari_probinst.core.config import ChannelConfig, InferenceConfig, NetworkConfig
from napari_probinst.core.errors import CancelledError
from napari_probinst.core.inference import segmentation
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.inference.tile_cache import TileCache, remove_cache
from napari_probinst.core.inference.tiling import Tile
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.network.checkpoint import Model
from napari_probinst.core.network.device import Runtime
from napari_probinst.core.network.header import ModelHeader
from napari_probinst.core.network.unet import UNet

SETTINGS = InferenceConfig(n_draws=2, min_size=4, n_seeds=32, bandwidth=0.5, cluster_threshold=0.5)
IMAGE = np.random.default_rng(0).integers(0, 4000, (1, 70, 50)).astype(np.uint16)


@pytest.fixture(scope="module")
def predictor():
    torch.manual_seed(0)
    config = NetworkConfig(
        channels=(ChannelConfig(name="c"),),
        filters=4,
        levels=3,
        embedding_dimensions=2,
        initial_rate=0.3,
    )
    header = ModelHeader(network=config, inference=SETTINGS, extent=(32, 32))
    model = Model(UNet(config).eval(), header, "abc", "m")
    return Predictor(model, Runtime("cpu", bfloat16=False))


def content(prediction):
    instances = prediction.instances
    return (
        prediction.peaks,
        [(item.bbox, item.counts.tobytes(), item.matches) for item in instances.instances],
        [[(item.bbox, item.mask.tobytes()) for item in draw.instances] for draw in instances.draws],
    )


def test_a_stopped_prediction_goes_on_with_the_next_tile(predictor, tmp_path, monkeypatch):
    seen = []
    see = segmentation._see_tile

    def counted(channels, realisation, tile, overview):
        seen.append(tile)
        return see(channels, realisation, tile, overview)

    monkeypatch.setattr(segmentation, "_see_tile", counted)
    expected = predictor.predict(IMAGE)
    n_tiles = len(seen) // 2
    assert n_tiles > 4
    told = []
    for stop in (n_tiles + 2, 4, 0):
        seen.clear()
        left = [stop]

        def cancelled(left=left):
            left[0] -= 1
            return left[0] == 0

        try:
            result = predictor.predict(
                zarr.array(IMAGE, chunks=(1, 16, 16)),
                cancelled=cancelled,
                on_tile=lambda *progress: told.append(progress),
                cache_folder=tmp_path / "cache",
            )
        except CancelledError:
            assert stop
    # Two runs were stopped, one in the second draw; the last had but the rest to do.
    assert len(seen) < n_tiles
    assert content(result) == content(expected)
    assert result.provenance == expected.provenance
    assert told[0] == (1, n_tiles)
    assert told[-1] == (n_tiles, n_tiles)
    assert len(list((tmp_path / "cache").glob("*.npz"))) == 2
    assert not any(path.is_dir() for path in (tmp_path / "cache").iterdir())
    remove_cache(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_what_belongs_to_another_prediction_is_not_taken(predictor, tmp_path):
    other = SETTINGS.model_copy(update={"seed": 1})
    for image, settings in ((IMAGE, SETTINGS), (IMAGE[:, ::-1], SETTINGS), (IMAGE, other)):
        result = predictor.predict(image, settings, cache_folder=tmp_path / "cache")
        assert content(result) == content(predictor.predict(image, settings))


def test_an_image_in_one_piece_leaves_no_trace(predictor, tmp_path):
    predictor.predict(IMAGE[:, :20, :20], cache_folder=tmp_path / "cache")
    assert list(tmp_path.iterdir()) == []


def test_instances_come_back_and_damage_is_noticed(tmp_path):
    masks = np.zeros((2, 6, 7), dtype=bool)
    masks[0, 1:4, 2:5] = masks[1, 3:6, 3:4] = True
    masks[0, 2, 3] = False
    tile = Tile((8, 0, 14, 7), (8, 0, 12, 5))
    draw = TileCache(tmp_path / "cache", "a").draw("first", (20, 20))
    assert draw.find(tile) is None
    draw.keep(tile, InstanceSet.from_masks(list(masks), (6, 7)))
    again = TileCache(tmp_path / "cache", "a").draw("first", (20, 20))
    found = again.find(tile)
    assert [item.full((6, 7)).tolist() for item in found.instances] == masks.tolist()
    assert again.under(Runtime("cuda", bfloat16=False), (14, 14)).find(tile) is None
    assert TileCache(tmp_path / "cache", "b").draw("first", (20, 20)).find(tile) is None
    (file,) = (tmp_path / "cache").glob("*/*.npz")
    file.write_bytes(file.read_bytes()[:50])
    assert again.find(tile) is None
    draw.keep_whole(InstanceSet((20, 20), ()))
    assert len(draw.find_whole()) == 0


@pytest.mark.filterwarnings("ignore:Reading `.npy`")
def test_damage_anywhere_in_a_tile_is_noticed(tmp_path):
    masks = np.random.default_rng(0).random((2, 20, 30)) > 0.5
    tile = Tile((0, 0, 20, 30), (0, 0, 20, 30))
    draw = TileCache(tmp_path / "cache", "a").draw("first", (20, 30))
    draw.keep(tile, InstanceSet.from_masks(list(masks), (20, 30)))
    (file,) = (tmp_path / "cache").glob("*/*.npz")
    whole = file.read_bytes()
    random = np.random.default_rng(1)
    n_damaged = 0
    for first in range(0, len(whole), 5):
        file.write_bytes(whole[:first] + random.bytes(8) + whole[first + 8 :])
        found = draw.find(tile)
        n_damaged += found is None
        if found is not None:
            assert [item.full((20, 30)).tolist() for item in found.instances] == masks.tolist()
    # Of most bytes all but times and the like matter.
    assert n_damaged > len(whole) / 10


def test_a_tile_of_more_bits_than_its_boxes_hold_is_not_taken(tmp_path):
    tile = Tile((0, 0, 4, 4), (0, 0, 4, 4))
    draw = TileCache(tmp_path / "cache", "a").draw("first", (4, 4))
    draw.keep(tile, InstanceSet.from_masks([np.eye(4, dtype=bool)], (4, 4)))
    (file,) = (tmp_path / "cache").glob("*/*.npz")
    np.savez(file, boxes=np.array([[0, 0, 4, 4]]), masks=np.zeros(3, np.uint8))
    assert draw.find(tile) is None
