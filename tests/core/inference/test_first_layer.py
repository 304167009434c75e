"""The first layer is computed once where all draws see an image alike, and changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_probinst.core.config import ChannelConfig, InferenceConfig, NetworkConfig
from napari_probinst.core.inference.draws import Overview, realise
from napari_probinst.core.inference.first_layer import FirstLayer
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.inference.together import Stack, Together
from napari_probinst.core.network.checkpoint import Model
from napari_probinst.core.network.device import Runtime
from napari_probinst.core.network.header import ModelHeader
from napari_probinst.core.network.unet import UNet

FLOAT32 = Runtime("cpu", bfloat16=False)
SETTINGS = InferenceConfig(n_draws=4, min_size=4, n_seeds=32, bandwidth=0.5, cluster_threshold=0.5)
SHAPE = (32, 48)


def _network(coordinates="output", filters=4):
    torch.manual_seed(0)
    return UNet(
        NetworkConfig(
            channels=(ChannelConfig(name="c"),),
            filters=filters,
            levels=2,
            embedding_dimensions=2,
            initial_rate=0.4,
            coordinates=coordinates,
        )
    ).eval()


def _draws(network, *, thinned=True):
    return [realise(network, seed=0, draw=n, runtime=FLOAT32, thinned=thinned) for n in range(3)]


def _image(shape=SHAPE):
    return np.random.default_rng(0).standard_normal((1, *shape)).astype(np.float32)


@pytest.fixture
def computed(monkeypatch):
    """Networks whose first layer was computed, in their order."""
    found = []
    first = UNet.first

    def noted(network, x):
        found.append(network)
        return first(network, x)

    monkeypatch.setattr(UNet, "first", noted)
    return found


@pytest.mark.parametrize("coordinates", ["none", "input", "output"])
def test_draws_that_share_it_compute_what_each_does_alone(computed, coordinates):
    shared = Overview(first=FirstLayer())
    for draw in _draws(_network(coordinates)):
        alone, together = draw.apply(_image()), draw.apply(_image(), overview=shared)
        assert np.array_equal(alone.embeddings, together.embeddings)
        assert np.array_equal(alone.classes, together.classes)
    assert len(computed) == 1


def test_a_stack_of_draws_shares_it(computed):
    draws = _draws(_network(), thinned=False)
    found = Stack.of(draws).apply(_image(), Overview(first=FirstLayer()))
    assert len(computed) == 1
    for draw, seen in zip(draws, found, strict=True):
        np.testing.assert_allclose(seen.embeddings, draw.apply(_image()).embeddings, atol=1e-4)


def test_a_draw_that_drops_some_of_it_computes_the_others(computed):
    draws = _draws(_network(filters=64))
    assert all(draw.network.first_width < 64 for draw in draws)
    shared = Overview(first=FirstLayer())
    for draw in draws:
        assert np.array_equal(
            draw.apply(_image()).embeddings, draw.apply(_image(), overview=shared).embeddings
        )
    assert not computed


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize(
    ("flips", "shape", "n_shared"),
    [(False, SHAPE, 1), (True, SHAPE, 0), (False, (32, 96), 0)],
    ids=["one orientation", "each its own", "tiles"],
)
def test_a_prediction_computes_it_once(computed, at_once, flips, shape, n_shared):
    network = _network()
    header = ModelHeader(network=network.config, inference=SETTINGS, extent=(64, 64))
    model = Model(network, header, "model", "model")
    predictor = Predictor(model, FLOAT32, (), Together(FLOAT32) if at_once else None)
    settings = SETTINGS.model_copy(update={"flips": flips})
    for n_images in (1, 2):
        assert len(list(predictor.draws(_image(shape), settings))) == 4
        assert len(computed) == n_shared * n_images
