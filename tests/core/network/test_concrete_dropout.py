from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from napari_probinst.core.network.concrete_dropout import (
    RATE_MARGIN,
    TEMPERATURE,
    ConcreteDropout,
    StochasticConv2d,
    StochasticUpConv2d,
    apply_masks,
    concrete_regulariser,
    dropout_rates,
    sample_masks,
    stochastic_layers,
)

RATES = [0.01, 0.05, 0.3, 0.5, 0.9]


def _layer(kind, n_in, n_out, rate):
    torch.manual_seed(1)
    dropout = ConcreteDropout(n_in, rate)
    if kind == "conv":
        return StochasticConv2d(n_in, n_out, 3, dropout)
    return StochasticUpConv2d(n_in, n_out, dropout)


@pytest.mark.parametrize("rate", RATES)
def test_the_initial_rate_is_what_was_asked_for(rate):
    assert float(ConcreteDropout(4, rate).rate.detach()) == pytest.approx(rate, rel=1e-5)


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, 1.5])
def test_a_rate_outside_the_open_interval_is_refused(rate):
    with pytest.raises(ValueError, match="must lie between"):
        ConcreteDropout(4, rate)


@pytest.mark.parametrize("raw", [-100.0, 100.0])
def test_rates_stay_clear_of_zero_and_one(raw):
    dropout = ConcreteDropout(4)
    with torch.no_grad():
        dropout.raw_rate.fill_(raw)
    rate = float(dropout.rate.detach())
    assert RATE_MARGIN * 0.99 <= rate <= 1 - RATE_MARGIN * 0.99
    assert torch.isfinite(dropout.relaxed_scale()).all()


@pytest.mark.parametrize("rate", RATES)
def test_regulariser_is_equation_4_by_hand(rate):
    # Weights W with ‖W‖² = 1 + 4 + 9 + 16 = 30 and F = 2 input channels.
    layer = StochasticConv2d(2, 2, 1, ConcreteDropout(2, rate))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([1.0, -2, 3, -4]).view(2, 2, 1, 1))
    term = layer.dropout.regulariser(layer.weight, length_scale_squared=0.1, rate_regulariser=0.01)
    entropy = -rate * math.log(rate) - (1 - rate) * math.log(1 - rate)
    assert float(term.detach()) == pytest.approx(
        0.1 / 2 * 30 / (1 - rate) - 0.01 * 2 * entropy, rel=1e-5
    )


@pytest.mark.parametrize("rate", RATES)
def test_both_pairings_of_equation_4_are_the_same_number(rate):
    # The printed ι² (1 - p) / 2 ‖M‖², M being the weights that a kept channel is multiplied by.
    layer = _layer("conv", 3, 2, rate)
    term = layer.dropout.regulariser(layer.weight, length_scale_squared=1.0, rate_regulariser=0.0)
    realised = layer.scaled(torch.ones(3) / (1 - layer.dropout.rate))
    printed = 0.5 * (1 - rate) * float(realised.detach().square().sum())
    assert float(term.detach()) == pytest.approx(printed, rel=1e-4)


def test_the_regulariser_sums_over_layers_and_divides_by_n():
    network = nn.Sequential(_layer("conv", 3, 4, 0.2), nn.ReLU(), _layer("up", 4, 2, 0.4))
    settings = {"length_scale_squared": 0.5, "rate_regulariser": 0.2}
    parts = [
        layer.dropout.regulariser(layer.weight, **settings) for layer in (network[0], network[2])
    ]
    total = concrete_regulariser(network, n_examples=7.0, **settings)
    assert float(total.detach()) == pytest.approx(float(sum(parts).detach()) / 7, rel=1e-6)


def test_the_regulariser_pulls_rates_up_and_weights_down():
    layer = _layer("conv", 3, 2, 0.1)
    concrete_regulariser(
        layer, length_scale_squared=1e-6, rate_regulariser=1e-3, n_examples=1.0
    ).backward()
    assert layer.dropout.raw_rate.grad < 0  # gradient descent raises the rate
    expected = 1e-6 * layer.weight / 0.9
    torch.testing.assert_close(layer.weight.grad, expected.detach())


def test_a_layer_without_dropout_only_decays():
    network = StochasticConv2d(2, 2, 3, None)
    value = concrete_regulariser(
        network, length_scale_squared=0.5, rate_regulariser=1.0, n_examples=2.0
    )
    expected = 0.5 * 0.5 * network.weight.detach().square().sum() / 2
    assert float(value.detach()) == pytest.approx(float(expected))
    assert stochastic_layers(network) == {}


@pytest.mark.parametrize("rate", [0.05, 0.3, 0.7])
def test_gradient_of_the_rate_through_the_relaxation(rate):
    dropout = ConcreteDropout(16, rate)
    weights = torch.linspace(-1, 2, 16)

    def value():
        torch.manual_seed(3)  # the same noise each time
        return (dropout.relaxed_scale() * weights).square().sum()

    value().backward()
    analytic = float(dropout.raw_rate.grad)
    step = 1e-2
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            dropout.raw_rate += sign * step
            ends.append(float(value()))
            dropout.raw_rate -= sign * step
    assert analytic == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=2e-3)


def test_the_relaxation_is_the_concrete_distribution():
    dropout = ConcreteDropout(5, 0.3)
    torch.manual_seed(0)
    noise = torch.rand(5).numpy().astype(np.float64)
    torch.manual_seed(0)
    scale = dropout.relaxed_scale().detach().numpy()
    logit = np.log(0.3 / 0.7) + np.log(noise / (1 - noise))
    dropped = 1 / (1 + np.exp(-logit / TEMPERATURE))
    np.testing.assert_allclose(scale, (1 - dropped) / 0.7, rtol=1e-4)


def test_hard_masks_follow_the_bernoulli_rule():
    generator = torch.Generator().manual_seed(0)
    for rate in (0.1, 0.5, 0.8):
        dropout = ConcreteDropout(100_000, rate)
        kept = dropout.sample(generator)
        assert kept.dtype == torch.bool
        # Five standard deviations of a binomial share.
        tolerance = 5 * math.sqrt(rate * (1 - rate) / 100_000)
        assert float(kept.float().mean()) == pytest.approx(1 - rate, abs=tolerance)


def test_a_rate_near_zero_keeps_every_channel():
    dropout = ConcreteDropout(64, 1e-3)
    with torch.no_grad():
        dropout.raw_rate.fill_(-50.0)
    assert dropout.sample(torch.Generator().manual_seed(0)).all()
    torch.manual_seed(0)
    torch.testing.assert_close(dropout.relaxed_scale(), torch.ones(64), atol=0.02, rtol=0)


@pytest.mark.parametrize("kind", ["conv", "up"])
def test_masked_weights_equal_masked_activations(kind):
    layer = _layer(kind, 6, 4, 0.4)
    image = torch.randn(2, 6, 5, 7, generator=torch.Generator().manual_seed(2))
    kept = torch.tensor([True, False, True, True, False, True])
    scale = kept / 0.6
    plain = layer.eval()
    with torch.no_grad():
        expected = plain(image * scale.view(1, -1, 1, 1))
        apply_masks(layer, {"": kept})
        realised = layer(image)
    assert layer.dropout is None
    torch.testing.assert_close(realised, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["conv", "up"])
def test_the_relaxed_pass_scales_input_channels(kind):
    layer = _layer(kind, 6, 4, 0.4).train()
    image = torch.randn(1, 6, 4, 4, generator=torch.Generator().manual_seed(2))
    torch.manual_seed(9)
    scale = layer.dropout.relaxed_scale()
    torch.manual_seed(9)
    relaxed = layer(image)
    expected = layer.eval()(image * scale.view(1, -1, 1, 1))
    torch.testing.assert_close(relaxed, expected, atol=1e-5, rtol=1e-5)


def test_evaluation_uses_the_mean_weights():
    layer = _layer("conv", 3, 2, 0.5).eval()
    assert layer.current_weight() is layer.weight


def test_the_mean_over_realisations_is_the_mean_network():
    layer = _layer("conv", 4, 1, 0.3)
    generator = torch.Generator().manual_seed(0)
    total = torch.zeros_like(layer.weight)
    for _ in range(4000):
        total += layer.scaled(layer.dropout.sample(generator) / 0.7).detach()
    torch.testing.assert_close(total / 4000, layer.weight.detach(), atol=0.02, rtol=0.1)


def test_masks_depend_on_their_generator_alone():
    network = nn.Sequential(_layer("conv", 32, 4, 0.5), _layer("up", 4, 2, 0.5))
    masks = []
    for global_seed in (1, 2):
        torch.manual_seed(global_seed)
        masks.append(sample_masks(network, torch.Generator().manual_seed(7)))
    assert list(masks[0]) == ["0", "1"]
    for name, mask in masks[0].items():
        assert torch.equal(mask, masks[1][name])


def test_rates_are_told_by_layer():
    network = nn.Sequential(_layer("conv", 3, 4, 0.2), _layer("up", 4, 2, 0.4))
    assert dropout_rates(network) == pytest.approx({"0": 0.2, "1": 0.4})


def test_a_rate_near_its_margin_can_come_back():
    dropout = ConcreteDropout(4)
    with torch.no_grad():
        dropout.raw_rate.fill_(-12.0)
    dropout.rate.backward()
    assert float(dropout.raw_rate.grad) > 0
