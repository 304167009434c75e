from __future__ import annotations

import pytest
import torch

from napari_probinst.core.config import ChannelConfig, NetworkConfig
from napari_probinst.core.network.concrete_dropout import dropout_rates, stochastic_layers
from napari_probinst.core.network.coordinates import COORDINATE_UNIT, coordinate_channels
from napari_probinst.core.network.double_conv import DoubleConv
from napari_probinst.core.network.inherited_weights import load_weights_of
from napari_probinst.core.network.unet import UNet


@pytest.mark.parametrize(
    ("levels", "filters", "dimensions", "coordinates"),
    [
        (1, 3, 1, "none"),
        (2, 5, 2, "input"),
        (3, 1, 16, "none"),
        (4, 3, 7, "input"),
        (2, 3, 4, "output"),
    ],
)
def test_shapes(levels, filters, dimensions, coordinates):
    config = NetworkConfig(
        levels=levels,
        filters=filters,
        embedding_dimensions=dimensions,
        coordinates=coordinates,
    )
    network = UNet(config)
    assert network.stride == 2 ** (levels - 1)
    height, width = 3 * network.stride, 5 * network.stride
    embeddings, logits = network(torch.zeros(2, 2 + 2 * (coordinates != "none"), height, width))
    assert embeddings.shape == (2, dimensions, height, width)
    assert logits.shape == (2, 3, height, width)


@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_any_number_of_image_channels(n_channels):
    channels = tuple(ChannelConfig(name=str(i)) for i in range(n_channels))
    network = UNet(NetworkConfig(channels=channels, levels=2, filters=2, coordinates="none"))
    assert network(torch.zeros(1, n_channels, 4, 4))[1].shape == (1, 3, 4, 4)


def test_filters_double_at_each_level():
    network = UNet(NetworkConfig(filters=19, levels=5))
    assert [block.conv1.out_channels for block in network.encoder] == [19, 38, 76, 152, 304]
    assert [block.conv2.out_channels for block in network.decoder] == [152, 76, 38, 19]


def test_every_layer_but_the_first_has_a_rate():
    network = UNet(NetworkConfig(filters=2, levels=3))
    # Two convolutions a block in 3 + 2 blocks, 2 up-convolutions and the head.
    everything = {
        name
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d)
    }
    assert len(everything) == 13
    assert everything - set(stochastic_layers(network)) == {"encoder.0.conv1"}


def test_one_rate_for_each_input_channel():
    for layer in stochastic_layers(UNet(NetworkConfig(filters=3, levels=3))).values():
        assert layer.dropout.n_channels == layer.in_channels


def test_the_baseline_has_no_rates():
    network = UNet(NetworkConfig(filters=2, levels=3, dropout="none"))
    assert stochastic_layers(network) == {}
    network.train()
    image = torch.randn(1, 4, 8, 8)
    assert torch.equal(network(image)[0], network(image)[0])


def test_training_passes_differ_and_evaluation_does_not():
    network = UNet(NetworkConfig(filters=4, levels=2, initial_rate=0.3))
    image = torch.randn(1, 4, 8, 8)
    assert not torch.equal(network.train()(image)[0], network(image)[0])
    assert torch.equal(network.eval()(image)[0], network(image)[0])


def test_every_parameter_gets_a_gradient():
    network = UNet(NetworkConfig(filters=4, levels=3)).train()
    embeddings, logits = network(torch.randn(1, 4, 16, 16))
    (embeddings.square().sum() + logits.square().sum()).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_coordinates_count_pixels_from_the_offset():
    grid = coordinate_channels(2, 3, (-1.0, 5.0)) * COORDINATE_UNIT
    assert grid[0].tolist() == [[-1, -1, -1], [0, 0, 0]]
    assert grid[1].tolist() == [[5, 6, 7], [5, 6, 7]]


@pytest.mark.parametrize("levels", [1, 3])
def test_a_class_decoder_keeps_contours_and_embeddings_apart(levels):
    network = UNet(NetworkConfig(filters=4, levels=levels, class_decoder=True))
    embeddings, logits = network(torch.randn(1, 4, 16, 16))
    assert embeddings.shape == (1, 16, 16, 16)
    assert logits.shape == (1, 3, 16, 16)
    logits.square().sum().backward()
    # The class map teaches neither the embeddings' last block nor their head.
    own = {name for name, weight in network.named_parameters() if weight.grad is None}
    last = f"decoder.{levels - 2}." if levels > 1 else "head."
    assert {name for name in own if name.startswith(("head.", last, "position"))} == own
    assert {"head.weight", "head.bias"} <= own


@pytest.mark.parametrize("class_decoder", [False, True])
def test_coordinates_are_added_to_embeddings_and_to_nothing_else(class_decoder):
    config = NetworkConfig(
        filters=4, levels=3, embedding_dimensions=3, class_decoder=class_decoder, dropout="none"
    )
    network = UNet(config)
    with torch.no_grad():
        network.position.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]]))
    image = torch.randn(1, 2, 16, 16)

    def see(offset):
        grid = coordinate_channels(16, 16, offset)
        return network(torch.cat([image, grid[None]], dim=1))

    (here, classes), (there, same) = see((0.0, 0.0)), see((32.0, 16.0))
    # 16 pixels are a unit: the weights times (2, 1), for every pixel.
    expected = torch.tensor([2.0, 2.0, 0.0])[:, None, None].expand(1, 3, 16, 16)
    torch.testing.assert_close(there - here, expected, atol=1e-5, rtol=0)
    assert torch.equal(classes, same)
    rows, columns = network.offsets(coordinate_channels(16, 16, (0, 0))[None])
    assert (rows + columns)[0, :, 8, 4].tolist() == [0.5, 0.5, 0.0]


def test_coordinates_of_the_input_give_way_to_added_ones():
    reading = UNet(NetworkConfig(filters=4, levels=2, coordinates="input")).eval()
    adding = UNet(reading.config.model_copy(update={"coordinates": "output"})).eval()
    load_weights_of(adding, reading)
    image, middle = torch.randn(1, 2, 8, 8), torch.zeros(1, 2, 8, 8)
    seen = torch.cat([image, middle], dim=1)
    for mine, theirs in zip(adding(seen), reading(seen), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_coordinates_of_earlier_files_are_the_inputs():
    places = [NetworkConfig(coordinates=value).coordinates for value in (True, False)]
    assert places == ["input", "none"]


def test_a_class_decoder_starts_as_a_copy_of_the_shared_one():
    shared = UNet(NetworkConfig(filters=4, levels=3)).eval()
    split = UNet(NetworkConfig(filters=4, levels=3, class_decoder=True)).eval()
    load_weights_of(split, shared)
    image = torch.randn(1, 4, 16, 16)
    for mine, theirs in zip(split(image), shared(image), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("levels", [1, 3])
def test_a_global_context_is_read_with_weight_zero_at_first(levels):
    without = UNet(NetworkConfig(filters=4, levels=levels, class_decoder=True)).eval()
    network = UNet(without.config.model_copy(update={"global_context": True})).eval()
    load_weights_of(network, without)
    image = torch.randn(1, 4, 16, 16)
    for mine, theirs in zip(network(image), without(image), strict=True):
        torch.testing.assert_close(mine, theirs)


def test_the_global_context_carries_one_corner_of_the_image_to_the_other():
    network = UNet(NetworkConfig(filters=4, levels=2, class_decoder=True, global_context=True))
    image = torch.zeros(1, 4, 64, 64, requires_grad=True)
    embeddings, logits = network.eval()(image + torch.rand(1, 4, 64, 64))
    for output, reaches in ((embeddings, False), (logits, True)):
        (gradient,) = torch.autograd.grad(output[..., :2, :2].sum(), image, retain_graph=True)
        assert bool(gradient[..., 40:, 40:].any()) == reaches


def test_rates_stay_where_only_one_network_has_them():
    config = NetworkConfig(filters=2, levels=2, initial_rate=0.3)
    concrete, plain = UNet(config), UNet(config.model_copy(update={"dropout": "none"}))
    load_weights_of(plain, concrete)
    image = torch.randn(1, 4, 8, 8)
    assert torch.equal(plain.eval()(image)[0], concrete.eval()(image)[0])
    other = UNet(config.model_copy(update={"initial_rate": 0.1}))
    load_weights_of(other, plain)
    assert torch.equal(other.eval()(image)[0], plain(image)[0])
    assert list(dropout_rates(other).values()) == pytest.approx([0.1] * 7)


def test_weights_of_another_architecture_are_refused():
    small = NetworkConfig(filters=4, levels=2)
    for other in ({"filters": 3}, {"levels": 3}, {"class_decoder": True}):
        with pytest.raises(RuntimeError):
            load_weights_of(UNet(small), UNet(small.model_copy(update=other)))


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (3, 3), (4, 9), (17, 5)])
def test_a_page_of_one_value_need_not_be_a_page(size):
    torch.manual_seed(0)
    block = DoubleConv(5, 4, None, None)
    pages, values = torch.randn(2, 3, *size), torch.randn(2, 2, 1, 1)
    whole = torch.cat([pages, values.expand(-1, -1, *size)], dim=1)
    expected = block(whole)
    got = block(pages, values)
    torch.testing.assert_close(got, expected)
    for loss in (expected, got):
        block.zero_grad()
        loss.square().sum().backward()
        gradient = block.conv1.weight.grad.clone()
        if loss is expected:
            wanted = gradient
    torch.testing.assert_close(gradient, wanted, rtol=1e-4, atol=1e-4)
