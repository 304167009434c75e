"""What is known of a whole image that is seen in tiles."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_probinst.core.config import ChannelConfig, NetworkConfig
from napari_probinst.core.inference.draws import NOTHING_ELSE, mean_network, realise
from napari_probinst.core.inference.overview import SAMPLE, Overviews, look_over
from napari_probinst.core.network.calibration import Calibration, foreground_share
from napari_probinst.core.network.classes import BACKGROUND
from napari_probinst.core.network.device import Runtime
from napari_probinst.core.network.unet import UNet

FLOAT32 = Runtime("cpu", bfloat16=False)
CALIBRATION = Calibration(offset=0.0, slope=5.0, least_share=0.0, largest_share=1.0)


def _network(*, context=True):
    torch.manual_seed(0)
    return UNet(
        NetworkConfig(
            channels=(ChannelConfig(name="c"),),
            filters=4,
            levels=2,
            embedding_dimensions=2,
            initial_rate=0.3,
            coordinates="none",
            class_decoder=True,
            global_context=context,
        )
    ).eval()


def _image(shape, seed=0):
    return np.random.default_rng(seed).standard_normal((1, *shape)).astype(np.float32)


def _mean(network, calibration=CALIBRATION):
    return mean_network(network, runtime=FLOAT32, calibration=calibration)


@pytest.mark.parametrize("alike", [False, True])
def test_an_image_that_is_seen_as_a_whole_needs_no_mean_network(alike, monkeypatch):
    monkeypatch.setattr("napari_probinst.core.inference.overview.mean_network", None)
    model = SimpleNamespace(network=_network(), header=SimpleNamespace(binning=1))
    found = Overviews(_image((32, 32)), alike=alike).of(model, FLOAT32, (32, 32))()
    # Draws that see it alike share what the first layer makes of it.
    assert (found.first is not None) == alike
    assert found.context is found.share is None


def test_a_network_that_asks_for_nothing_is_told_nothing():
    found = look_over(_image((64, 64)), _mean(_network(context=False), None), (32, 32))
    assert found == NOTHING_ELSE


def test_where_all_tiles_look_alike_the_overview_is_that_of_one():
    image = np.full((1, 96, 80), 0.7, np.float32)
    network = _network()
    found = look_over(image, _mean(network), (64, 64))
    inside = torch.full((1, 1, 256, 256), 0.7)
    with torch.inference_mode():
        context = network.context_of(network.means(inside))
    # Padding at the border disturbs two pixels of each tile.
    torch.testing.assert_close(found.context, context, atol=0.05, rtol=0.1)


def test_the_share_is_that_of_the_cores_before_calibration():
    image, network = _image((64, 48)), _network(context=False)
    found = look_over(image, _mean(network), (32, 48))
    whole = _mean(network, None).apply(image).classes[BACKGROUND]
    assert found.context is None
    assert found.share == pytest.approx(foreground_share(whole), abs=1e-3)


def test_a_large_image_is_sampled():
    seen = []

    class Windows:
        shape = (1, 2000, 64)

        def __getitem__(self, key):
            seen.append(key[1])
            return _image((key[1].stop - key[1].start, 64))

    found = look_over(Windows(), _mean(_network(context=False)), (64, 64))
    assert len(seen) == SAMPLE
    assert len(set(map(str, seen))) == SAMPLE
    assert 0 < found.share < 1


def test_tiles_of_all_draws_are_told_the_same():
    """A pixel far from the tiles' borders, of which each sees another half of the image."""
    image, network = _image((32, 96)), _network()
    image[..., 48:] += 3
    draw = realise(network, seed=0, draw=1, runtime=FLOAT32, calibration=CALIBRATION)
    overview = look_over(image, _mean(network), (32, 64))
    left, right = image[..., :64], image[..., 32:]
    for told, agree in ((overview, True), (NOTHING_ELSE, False)):
        first = draw.apply(left, overview=told).classes[..., 48]
        second = draw.apply(right, overview=told).classes[..., 16]
        assert np.allclose(first, second, atol=1e-4) == agree


def test_context_survives_thinning():
    network, image = _network(), torch.from_numpy(_image((16, 16)))[None]
    context = torch.rand(1, 4, 1, 1)
    for draw in range(4):
        thin, whole = (
            realise(network, seed=0, draw=draw, runtime=FLOAT32, thinned=thinned).network
            for thinned in (True, False)
        )
        with torch.inference_mode():
            for mine, theirs in zip(thin(image, context), whole(image, context), strict=True):
                torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


def test_the_context_of_tiles_is_that_of_the_whole():
    """What lies in several tiles counts once, and borders inside the image don't count."""
    network = _network()
    image = _image((96, 96))
    image[:, 40:56] += 5
    found = look_over(image, _mean(network), (64, 64))
    with torch.inference_mode():
        context = network.context_of(network.means(torch.from_numpy(image)[None]))
    torch.testing.assert_close(found.context, context, atol=1e-5, rtol=1e-5)
