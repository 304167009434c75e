"""Draws that run at once are those that run one by one; on the CPU, in float32."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_probinst.core.config import ChannelConfig, InferenceConfig, NetworkConfig
from napari_probinst.core.errors import CancelledError
from napari_probinst.core.inference import together
from napari_probinst.core.inference.draws import realise
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.inference.tile_cache import TileCache
from napari_probinst.core.inference.together import Stack, Together
from napari_probinst.core.network.calibration import Calibration
from napari_probinst.core.network.checkpoint import Model
from napari_probinst.core.network.device import Runtime
from napari_probinst.core.network.header import ModelHeader
from napari_probinst.core.network.unet import UNet

FLOAT32 = Runtime("cpu", bfloat16=False)
SETTINGS = InferenceConfig(n_draws=4, min_size=4, n_seeds=32, bandwidth=0.5, cluster_threshold=0.5)


def _model(checksum="abc", *, extent=(512, 512), binning=1, dropout="concrete", coordinates="none"):
    torch.manual_seed(len(checksum))
    config = NetworkConfig(
        channels=(ChannelConfig(name="bright"),),
        filters=4,
        levels=3,
        embedding_dimensions=2,
        initial_rate=0.3,
        coordinates=coordinates,
        class_decoder=True,
        global_context=True,
        dropout=dropout,
    )
    header = ModelHeader(network=config, inference=SETTINGS, extent=extent, binning=binning)
    return Model(UNet(config).eval(), header, checksum, checksum)


def _pair(*models):
    """Predictors that make the draws one by one, and at once."""
    alone = Predictor(models[0], FLOAT32, models[1:])
    return alone, Predictor(models[0], FLOAT32, models[1:], Together(FLOAT32))


def _image(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 4000, (1, *shape)).astype(np.uint16)


def _masks(draws):
    return [sorted((one.bbox, one.mask.tobytes()) for one in draw.instances) for draw in draws]


@pytest.mark.parametrize("coordinates", ["none", "input", "output"])
def test_a_stack_computes_what_its_draws_do(coordinates):
    network = _model(coordinates=coordinates).network
    # Height and width differ, so that a draw that sees them exchanged has other pages.
    image = np.random.default_rng(0).standard_normal((1, 12, 20)).astype(np.float32)
    calibration = Calibration(offset=-1.0, slope=3.0, least_share=0.1, largest_share=0.9)
    drawn = [
        realise(
            network,
            seed=0,
            draw=draw,
            runtime=FLOAT32,
            orientation=draw,
            calibration=calibration,
            thinned=False,
        )
        for draw in range(8)
    ]
    for at_once, draw in zip(Stack.of(drawn).apply(image), drawn, strict=True):
        alone = draw.apply(image)
        np.testing.assert_allclose(at_once.embeddings, alone.embeddings, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(at_once.classes, alone.classes, atol=1e-5)


def test_a_draw_that_is_not_thinned_computes_the_same():
    network, image = _model().network, _image((16, 16)).astype(np.float32)
    whole, thin = (
        realise(network, seed=0, draw=1, runtime=FLOAT32, thinned=thinned).apply(image)
        for thinned in (False, True)
    )
    np.testing.assert_allclose(whole.embeddings, thin.embeddings, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("flips", [False, True])
@pytest.mark.parametrize(
    ("shape", "binning"), [((24, 31), 1), ((24, 31), 2), ((70, 50), 1), ((70, 50), 2)]
)
def test_draws_at_once_are_those_one_by_one(shape, binning, flips):
    settings = SETTINGS.model_copy(update={"flips": flips})
    alone, at_once = _pair(_model(extent=(32, 32), binning=binning))
    for seed in range(2):
        expected = _masks(alone.draws(_image(shape, seed), settings))
        assert _masks(at_once.draws(_image(shape, seed), settings)) == expected
        assert any(expected)


def test_an_ensemble_takes_turns():
    models = _model(), _model("other"), _model("plain one", dropout="none")
    alone, at_once = _pair(*models)
    expected = _masks(alone.draws(_image((24, 31))))
    assert _masks(at_once.draws(_image((24, 31)))) == expected
    assert len(expected) == 4


def test_a_stopped_prediction_goes_on_with_the_next_tile(tmp_path, monkeypatch):
    _, at_once = _pair(_model(extent=(32, 32)))
    image = _image((70, 50))
    expected = _masks(at_once.draws(image))
    seen = []
    apply = Stack.apply

    def counting(self, channels, overview):
        seen.append(channels.shape)
        return apply(self, channels, overview)

    monkeypatch.setattr(Stack, "apply", counting)
    folder = tmp_path / "tiles"

    def stop(done, n_tiles):
        if done == 3:
            raise CancelledError("enough")

    with pytest.raises(CancelledError):
        list(at_once.draws(image, on_tile=stop, cache=at_once.tile_cache(folder, "sum")))
    n_before = len(seen)
    done = []
    cache = at_once.tile_cache(folder, "sum")
    drawn = at_once.draws(image, on_tile=lambda *tile: done.append(tile), cache=cache)
    assert _masks(drawn) == expected
    # Three tiles are on the disk, a fourth was under way.
    assert len(seen) - n_before == done[-1][1] - 3
    assert [number for number, _ in done] == list(range(1, done[-1][1] + 1))
    seen.clear()
    assert _masks(at_once.draws(image, cache=at_once.tile_cache(folder, "sum"))) == expected
    assert seen == [], "finished draws are not computed again"
    assert isinstance(cache, TileCache)


def test_one_by_one_where_memory_runs_out(monkeypatch):
    alone, at_once = _pair(_model())

    def short(*_, **__):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(together, "segment_together", short)
    told = []
    image = _image((24, 31))
    assert _masks(at_once.draws(image, notify=told.append)) == _masks(alone.draws(image))
    assert told == ["Memory ran out for all draws at once; going on one by one."]


def test_another_error_is_nobodys_memory(monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("a real bug")

    monkeypatch.setattr(together, "segment_together", fail)
    with pytest.raises(RuntimeError, match="a real bug"):
        list(_pair(_model())[1].draws(_image((24, 31))))


@pytest.mark.parametrize(("device", "at_once"), [("cpu", False), ("cuda:0", True), ("mps", True)])
def test_gpus_make_all_draws_at_once(monkeypatch, device, at_once):
    runtime = Runtime(device, bfloat16=False)
    monkeypatch.setattr("napari_probinst.core.inference.pipeline.choose_runtime", lambda _: runtime)
    assert (Predictor.create(_model()).together is not None) == at_once
