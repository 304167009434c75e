"""Concrete Dropout on the input channels of a convolution.

A network with Concrete Dropout is a distribution over weights: each stochastic layer
carries a learnable rate ``p``, and one *realisation* multiplies the layer's weights along
their input channels by ``z / (1 - p)`` with ``z ~ Bernoulli(1 - p)``. Masking weights
rather than activations gives the same forward pass, costs less, and makes a draw an object
of its own that can be applied to any number of images or tiles.

References
----------
Y. Gal, J. Hron, A. Kendall, "Concrete Dropout", NeurIPS 2017.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Temperature of the Concrete relaxation, as in the authors' reference for convolutions.
TEMPERATURE = 2.0 / 3.0
#: Rates are kept this far from 0 and 1, where the relaxation and its gradient degenerate.
RATE_MARGIN = 1e-4


class ConcreteDropout(nn.Module):
    """Learnable dropout rate of one layer.

    Parameters
    ----------
    n_channels : int
        Input channels that share the rate, each of which is kept or dropped as a whole.
    initial_rate : float, default 0.05
        Rate at the start of training, in (RATE_MARGIN, 1 - RATE_MARGIN).
    """

    def __init__(self, n_channels: int, initial_rate: float = 0.05) -> None:
        super().__init__()
        if not RATE_MARGIN < initial_rate < 1 - RATE_MARGIN:
            raise ValueError(
                f"initial_rate must lie between {RATE_MARGIN} and {1 - RATE_MARGIN}, "
                f"not {initial_rate}"
            )
        self.n_channels = n_channels
        share = (initial_rate - RATE_MARGIN) / (1 - 2 * RATE_MARGIN)
        self.raw_rate = nn.Parameter(torch.tensor(math.log(share / (1 - share))))

    @property
    def rate(self) -> Tensor:
        """Dropout rate p, a scalar in [RATE_MARGIN, 1 - RATE_MARGIN]."""
        # Squeezed rather than clamped: beyond a clamp there is no gradient to come back by.
        return RATE_MARGIN + (1 - 2 * RATE_MARGIN) * torch.sigmoid(self.raw_rate)

    def relaxed_scale(self) -> Tensor:
        """Differentiable channel weights z / (1 - p) of shape (n_channels,), for training."""
        rate = self.rate
        noise = torch.rand(self.n_channels, device=rate.device).clamp(1e-6, 1 - 1e-6)
        dropped = torch.sigmoid((torch.logit(rate) + torch.logit(noise)) / TEMPERATURE)
        return (1 - dropped) / (1 - rate)

    def sample(self, generator: torch.Generator) -> Tensor:
        """Draw which channels are kept: bool tensor of shape (n_channels,), on the CPU."""
        noise = torch.rand(self.n_channels, generator=generator)
        return noise >= self.rate.detach().cpu()

    def regulariser(
        self, weight: Tensor, *, length_scale_squared: float, rate_regulariser: float
    ) -> Tensor:
        r"""Term of this layer in equation 4 of the paper, before the factor 1 / N.

        .. math:: \frac{\iota^2}{2} \frac{\lVert W \rVert^2}{1 - p} - \zeta F \mathcal{H}(p)

        The printed form :math:`(1 - p) \lVert M \rVert^2` belongs to weights
        :math:`M = W / (1 - p)`; the weights stored here are W, scaled by 1 / (1 - p) only
        where they are realised.
        """
        rate = self.rate
        entropy = -rate * torch.log(rate) - (1 - rate) * torch.log1p(-rate)
        decay = 0.5 * length_scale_squared * weight.square().sum() / (1 - rate)
        return decay - rate_regulariser * self.n_channels * entropy


class _Stochastic(nn.Module):
    """What both kinds of convolution share: weights multiplied along the input channels."""

    weight: Tensor
    dropout: ConcreteDropout | None
    _input_dimension: int

    def current_weight(self) -> Tensor:
        """Weights of this forward pass: relaxed in training, their mean in evaluation."""
        if self.dropout is None or not self.training:
            return self.weight
        return self.scaled(self.dropout.relaxed_scale())

    def scaled(self, scale: Tensor) -> Tensor:
        """Weights times ``scale``, of shape (n_channels,), along the input channels."""
        shape = [1, 1, 1, 1]
        shape[self._input_dimension] = -1
        return self.weight * scale.to(self.weight.device).view(shape)


class StochasticConv2d(nn.Conv2d, _Stochastic):
    """Same-padding convolution whose input channels are dropped by Concrete Dropout.

    Parameters
    ----------
    n_in, n_out, kernel_size : int
        As for `torch.nn.Conv2d`; padding keeps height and width.
    dropout : ConcreteDropout or None
        None makes it an ordinary convolution.
    """

    _input_dimension = 1

    def __init__(
        self, n_in: int, n_out: int, kernel_size: int, dropout: ConcreteDropout | None
    ) -> None:
        super().__init__(n_in, n_out, kernel_size, padding=kernel_size // 2)
        self.dropout = dropout

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_in, height, width) → (batch, n_out, height, width)."""
        result: Tensor = self._conv_forward(x, self.current_weight(), self.bias)
        return result


class StochasticUpConv2d(nn.ConvTranspose2d, _Stochastic):
    """2x2 up-convolution whose input channels are dropped by Concrete Dropout."""

    _input_dimension = 0

    def __init__(self, n_in: int, n_out: int, dropout: ConcreteDropout | None) -> None:
        super().__init__(n_in, n_out, 2, stride=2)
        self.dropout = dropout

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(batch, n_in, height, width) → (batch, n_out, 2 height, 2 width)."""
        del output_size
        return nn.functional.conv_transpose2d(x, self.current_weight(), self.bias, stride=2)


StochasticLayer = StochasticConv2d | StochasticUpConv2d


def stochastic_layers(network: nn.Module) -> dict[str, StochasticLayer]:
    """Layers of ``network`` that carry a dropout rate, by name, in the order of computation."""
    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, StochasticConv2d | StochasticUpConv2d) and module.dropout is not None
    }


def dropout_rates(network: nn.Module) -> dict[str, float]:
    """Learnt dropout rate of each stochastic layer, by name."""
    return {
        name: float(layer.dropout.rate.detach())
        for name, layer in stochastic_layers(network).items()
        if layer.dropout is not None
    }


def concrete_regulariser(
    network: nn.Module,
    *,
    length_scale_squared: float,
    rate_regulariser: float,
    n_examples: float,
) -> Tensor:
    """Equation 4 of the paper over all layers of ``network``, a scalar.

    Parameters
    ----------
    network : nn.Module
        Network of `StochasticConv2d` and `StochasticUpConv2d`. A layer without dropout counts
        with p = 0: its weights decay, and it has no rate.
    length_scale_squared : float
        Prior length scale ι², which acts as weight decay.
    rate_regulariser : float
        Weight ζ of the entropy of the rates.
    n_examples : float
        Number N of training examples that the sum is divided by.
    """
    terms = [
        0.5 * length_scale_squared * layer.weight.square().sum()
        if layer.dropout is None
        else layer.dropout.regulariser(
            layer.weight,
            length_scale_squared=length_scale_squared,
            rate_regulariser=rate_regulariser,
        )
        for layer in network.modules()
        if isinstance(layer, StochasticConv2d | StochasticUpConv2d)
    ]
    return torch.stack(terms).sum() / n_examples if terms else torch.zeros(())


def sample_masks(network: nn.Module, generator: torch.Generator) -> dict[str, Tensor]:
    """Hard Bernoulli masks of one draw: for each stochastic layer, bool (n_channels,)."""
    return {
        name: layer.dropout.sample(generator)
        for name, layer in stochastic_layers(network).items()
        if layer.dropout is not None
    }


@torch.no_grad()
def apply_masks(network: nn.Module, masks: Mapping[str, Tensor]) -> None:
    """Turn ``network`` into a realisation in place: masked weights and no dropout any more."""
    for name, layer in stochastic_layers(network).items():
        if layer.dropout is None:
            continue
        scale = masks[name].to(layer.weight.dtype) / (1 - layer.dropout.rate.cpu())
        layer.weight.copy_(layer.scaled(scale))
        layer.dropout = None
