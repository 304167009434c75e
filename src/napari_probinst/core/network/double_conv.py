"""Two convolutions in a row, of pages and of what is the same in a whole image."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from napari_probinst.core.network.concrete_dropout import StochasticConv2d

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_probinst.core.network.concrete_dropout import ConcreteDropout


class DoubleConv(nn.Module):
    """Two 3x3 convolutions, each followed by a ReLU."""

    def __init__(
        self, n_in: int, n_out: int, first: ConcreteDropout | None, second: ConcreteDropout | None
    ) -> None:
        super().__init__()
        self.conv1 = StochasticConv2d(n_in, n_out, 3, first)
        self.conv2 = StochasticConv2d(n_out, n_out, 3, second)
        #: How a convolution and its ReLU are computed; see `merge_steps`.
        self.convolve: Callable[[Tensor, StochasticConv2d], Tensor] = _convolve

    def forward(self, x: Tensor, everywhere: Tensor | None = None) -> Tensor:
        """(batch, n_in, height, width) → (batch, n_out, height, width).

        The last channels may be given as ``everywhere``, of shape (batch, n_channels, 1, 1), if
        each has one value in the whole image: the same as if they were pages of ``x``, without
        the cost of pages.
        """
        return self.second(self.first(x, everywhere))

    def first(self, x: Tensor, everywhere: Tensor | None = None) -> Tensor:
        """First convolution and its ReLU."""
        if everywhere is None:
            return self.convolve(x, self.conv1)
        weight, bias = self.conv1.current_weight(), self.conv1.bias
        return torch.relu_(_with_uniform(x, everywhere, weight, bias))

    def second(self, x: Tensor) -> Tensor:
        """Second convolution and its ReLU."""
        return self.convolve(x, self.conv2)


def _convolve(x: Tensor, layer: StochasticConv2d) -> Tensor:
    # In place: pages that are made anew cost more than what is computed on them.
    return torch.relu_(layer(x))


def _with_uniform(x: Tensor, values: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """3x3 convolution, padded with zeros, of pages and of channels that hold one value each.

    A uniform channel adds the sum of its taps to each pixel, like a bias, but for the taps that
    fall outside at the border.

    Parameters
    ----------
    x : Tensor of shape (batch, n_pages, height, width)
        The pages.
    values : Tensor of shape (batch, n_uniform, 1, 1)
        The values of the other channels.
    weight : Tensor of shape (n_out, n_pages + n_uniform, 3, 3)
        Weights.
    bias : Tensor of shape (n_out,) or None
        Bias.

    Returns
    -------
    Tensor of shape (batch, n_out, height, width)
    """
    n_pages = x.shape[1]
    # What each tap adds, of shape (batch, n_out, 3, 3).
    taps = (weight[:, n_pages:] * values.unsqueeze(1)).sum(dim=2)
    biases = taps.sum(dim=(2, 3)) if bias is None else taps.sum(dim=(2, 3)) + bias
    # The bias is an image's own, and a convolution takes one.
    pages = [
        nn.functional.conv2d(x[n : n + 1], weight[:, :n_pages], biases[n], padding=1)
        for n in range(len(x))
    ]
    result = pages[0] if len(pages) == 1 else torch.cat(pages)
    for end, tap in ((0, 0), (-1, 2)):
        result[:, :, end, :] -= taps[:, :, tap, :].sum(dim=2, keepdim=True)
        result[:, :, :, end] -= taps[:, :, :, tap].sum(dim=2, keepdim=True)
    # In the corners a tap was taken away with its row and with its column.
    for row, tap_row in ((0, 0), (-1, 2)):
        for column, tap_column in ((0, 0), (-1, 2)):
            result[:, :, row, column] += taps[:, :, tap_row, tap_column]
    return result
