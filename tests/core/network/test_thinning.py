from __future__ import annotations

import copy

import pytest
import torch

from napari_probinst.core.config import NetworkConfig
from napari_probinst.core.network.concrete_dropout import apply_masks, sample_masks
from napari_probinst.core.network.thinning import thin
from napari_probinst.core.network.unet import UNet


def masked(seed=0, rate=0.4, **network):
    torch.manual_seed(seed)
    network = UNet(NetworkConfig(initial_rate=rate, **network)).eval()
    for bias in (weight for name, weight in network.named_parameters() if name.endswith("bias")):
        torch.nn.init.normal_(bias)
    apply_masks(network, sample_masks(network, torch.Generator().manual_seed(seed)))
    return network


def n_weights(network):
    return sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize(
    "classes", [{}, {"class_decoder": True}, {"class_decoder": True, "global_context": True}]
)
@pytest.mark.parametrize("block", [1, 4, 16])
@pytest.mark.parametrize("levels", [1, 2, 4])
def test_it_computes_what_the_masked_network_computes(levels, block, classes):
    for seed in range(3):
        network = masked(seed, filters=6, levels=levels, **classes)
        thinned = copy.deepcopy(network)
        thin(thinned, block=block)
        image = torch.randn(1, 4, 16, 24)
        for mine, theirs in zip(thinned(image), network(image), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-4)


def test_the_sources_of_every_layer_have_the_channels_it_reads():
    network = UNet(NetworkConfig(filters=3, levels=3, class_decoder=True, global_context=True))
    layers = dict(network.named_modules())
    sources = network.sources()
    assert set(sources) == {name for name, layer in layers.items() if hasattr(layer, "stride")} - {
        ""
    }
    for name, read in sources.items():
        if read != ("image",):
            channels = sum(layers[source].out_channels for source in read)
            assert channels == layers[name].in_channels


def test_only_what_somebody_reads_is_computed():
    network = masked(filters=8, levels=2, rate=0.001)
    # The block between the two levels: its second layer reads channels 0 and 5 of the first.
    network.encoder[1].conv2.weight.data[:, [1, 2, 3, 4, *range(6, 16)]] = 0
    thin(network, block=1)
    assert network.encoder[1].conv1.weight.shape == (2, 8, 3, 3)
    assert network.encoder[1].conv2.weight.shape == (16, 2, 3, 3)
    assert network.encoder[1].conv1.bias.shape == (2,)


def test_a_skip_keeps_what_any_of_its_readers_keeps():
    network = masked(filters=4, levels=2, rate=0.001)
    network.encoder[1].conv1.weight.data[:, [0, 1]] = 0
    network.decoder[0].conv1.weight.data[:, [1, 2]] = 0  # of the skip's four channels
    thin(network, block=1)
    # Channel 1 is read by neither.
    assert network.encoder[0].conv2.out_channels == 3
    assert network.encoder[1].conv1.in_channels == 3
    assert network.decoder[0].conv1.in_channels == 3 + 4


def test_a_layer_that_drops_everything_still_works():
    network = masked(filters=4, levels=3)
    network.encoder[2].conv2.weight.data[:] = 0
    expected = copy.deepcopy(network)
    thin(network, block=1)
    image = torch.randn(1, 4, 8, 8)
    torch.testing.assert_close(network(image)[0], expected(image)[0], rtol=1e-4, atol=1e-4)


def test_what_is_dropped_is_not_stored():
    network = masked(filters=16, levels=3, rate=0.5)
    before = n_weights(network)
    thin(network, block=1)
    # Half of the inputs and half of the outputs: a quarter, and a little more at the skips.
    assert n_weights(network) < 0.4 * before
