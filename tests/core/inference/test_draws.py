from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from napari_probinst.core.config import ChannelConfig, NetworkConfig
from napari_probinst.core.inference.draws import is_stochastic, realise
from napari_probinst.core.inference.orientation import orient, restore
from napari_probinst.core.network.concrete_dropout import (
    apply_masks,
    sample_masks,
    stochastic_layers,
)
from napari_probinst.core.network.coordinates import coordinate_channels
from napari_probinst.core.network.device import Runtime
from napari_probinst.core.network.normalisation import ABSENT
from napari_probinst.core.network.unet import UNet

FLOAT32 = Runtime("cpu", bfloat16=False)


@pytest.fixture
def network():
    torch.manual_seed(0)
    channels = (ChannelConfig(name="c"),)
    return UNet(
        NetworkConfig(
            channels=channels, filters=4, levels=3, embedding_dimensions=2, initial_rate=0.4
        )
    )


def _image(shape, seed=0):
    return np.random.default_rng(seed).standard_normal((1, *shape)).astype(np.float32)


def _realise(network, seed=0, draw=0):
    return realise(network, seed=seed, draw=draw, runtime=FLOAT32)


def _weights(realisation):
    return realisation.network.state_dict()


def _equal(first, second):
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def test_seed_and_draw_alone_make_a_network(network):
    torch.manual_seed(1)
    first = _weights(_realise(network, seed=3, draw=2))
    torch.manual_seed(2)
    torch.rand(100)
    assert _equal(first, _weights(_realise(network, seed=3, draw=2)))


def test_draws_and_seeds_differ(network):
    weights = [_weights(_realise(network, s, d)) for s, d in [(0, 0), (0, 1), (1, 0), (1, 1)]]
    for index, one in enumerate(weights):
        assert not any(_equal(one, other) for other in weights[:index])


def test_making_a_draw_leaves_the_network_and_the_global_noise_alone(network):
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.train()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    _realise(network)
    assert torch.equal(torch.rand(1), expected)
    assert network.training
    assert _equal(before, network.state_dict())
    assert stochastic_layers(network)


def test_a_realisation_computes_what_the_masked_network_does(network):
    for draw in range(4):
        realised = _realise(network, draw=draw)
        assert not stochastic_layers(realised.network)
        state = np.random.SeedSequence((0, draw)).generate_state(1, np.uint64)
        generator = torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))
        masked = copy.deepcopy(network).eval()
        apply_masks(masked, sample_masks(masked, generator))
        image = _image((12, 20))
        grid = coordinate_channels(12, 20, (-6, -10))
        embeddings, logits = masked(torch.cat([torch.from_numpy(image), grid])[None])
        pixels = realised.apply(image)
        np.testing.assert_allclose(pixels.embeddings, embeddings[0].detach(), atol=1e-5)
        np.testing.assert_allclose(pixels.classes, logits[0].softmax(dim=0).detach(), atol=1e-5)


def test_the_first_layer_is_never_masked(network):
    first = network.encoder[0].conv1.weight
    for draw in range(5):
        realised = _realise(network, draw=draw).network
        weight = realised.encoder[0].conv1.weight
        # Some of its outputs may be read by nobody.
        assert all(any(torch.equal(one, other) for other in first) for one in weight)


def test_two_images_in_either_order(network):
    images = [_image((12, 20), 1), _image((8, 9), 2)]
    realisation = _realise(network)
    forward = [realisation.apply(image) for image in images]
    backward = [_realise(network).apply(image) for image in reversed(images)][::-1]
    for one, other in zip(forward, backward, strict=True):
        assert one.embeddings.tobytes() == other.embeddings.tobytes()
        assert one.classes.tobytes() == other.classes.tobytes()


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (17, 33), (16, 32), (3, 4)])
def test_any_height_and_width(network, shape):
    pixels = _realise(network).apply(_image(shape))
    assert pixels.embeddings.shape == (2, *shape)
    assert pixels.classes.shape == (3, *shape)
    assert pixels.embeddings.dtype == pixels.classes.dtype == np.float32
    np.testing.assert_allclose(pixels.classes.sum(axis=0), 1, atol=1e-5)


def test_padding_is_absent_and_goes_below_and_to_the_right(network):
    image = _image((5, 7))
    padded = np.pad(image, ((0, 0), (0, 3), (0, 1)), constant_values=ABSENT)
    pixels, expected = (_realise(network).apply(one) for one in (image, padded))
    np.testing.assert_array_equal(pixels.embeddings, expected.embeddings[:, :5, :7])


def test_by_default_the_image_lies_in_the_middle(network):
    image = _image((8, 12))
    realisation = _realise(network)
    assert np.array_equal(
        realisation.apply(image).embeddings, realisation.apply(image, (-4.0, -6.0)).embeddings
    )
    assert not np.array_equal(
        realisation.apply(image).embeddings, realisation.apply(image, (100.0, 0.0)).embeddings
    )


def test_the_prediction_is_the_networks_own(network):
    image = _image((4, 8))
    realisation = _realise(network)
    batch = torch.cat([torch.from_numpy(image), coordinate_channels(4, 8, (-2, -4))])[None]
    with torch.no_grad():
        embeddings, logits = realisation.network(batch)
    pixels = realisation.apply(image)
    np.testing.assert_allclose(pixels.embeddings, embeddings[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(pixels.classes, logits[0].softmax(0).numpy(), atol=1e-5)


def test_coordinates_of_a_binned_image_count_the_whole_images_pixels(network):
    image = _image((4, 4))
    binned = realise(network, seed=0, draw=0, runtime=FLOAT32, binning=2)
    grid = 2 * coordinate_channels(4, 4, (-2, -2))
    with torch.no_grad():
        expected = binned.network(torch.cat([torch.from_numpy(image), grid])[None])[0]
    np.testing.assert_allclose(binned.apply(image).embeddings, expected[0].numpy(), atol=1e-5)


def test_bfloat16_stays_close_to_the_reference(network):
    image = _image((16, 16))
    reference = _realise(network).apply(image)
    rough = realise(network, seed=0, draw=0, runtime=Runtime("cpu", bfloat16=True)).apply(image)
    assert rough.classes.dtype == np.float32
    assert np.abs(rough.classes - reference.classes).max() < 0.05


def test_a_deterministic_network_is_told_apart():
    config = NetworkConfig(filters=2, levels=2)
    assert is_stochastic(UNet(config))
    assert not is_stochastic(UNet(config.model_copy(update={"dropout": "none"})))


@pytest.mark.parametrize("orientation", range(8))
def test_an_orientation_is_what_the_network_sees_and_not_what_comes_out(network, orientation):
    image = _image((8, 12))
    turned = realise(network, seed=0, draw=0, runtime=FLOAT32, orientation=orientation)
    pixels = turned.apply(image)
    by_hand = _realise(network).apply(orient(image, orientation))
    np.testing.assert_array_equal(pixels.embeddings, restore(by_hand.embeddings, orientation))
    np.testing.assert_array_equal(pixels.classes, restore(by_hand.classes, orientation))
    assert pixels.embeddings.shape == (2, 8, 12)
    differs = not np.array_equal(pixels.embeddings, _realise(network).apply(image).embeddings)
    assert differs == (orientation > 0)
