"""U-Net that predicts an embedding and background / foreground / overlap for each pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from napari_probinst.core.network.concrete_dropout import (
    ConcreteDropout,
    StochasticConv2d,
    StochasticUpConv2d,
)

if TYPE_CHECKING:
    from napari_probinst.core.config import NetworkConfig

#: Classes of the three-class map, in the order of the output channels.
BACKGROUND, FOREGROUND, OVERLAP = range(3)
#: Coordinates enter the network in units of this many pixels.
COORDINATE_UNIT = 256.0


class DoubleConv(nn.Module):
    """Two 3x3 convolutions, each followed by a ReLU."""

    def __init__(
        self, n_in: int, n_out: int, first: ConcreteDropout | None, second: ConcreteDropout | None
    ) -> None:
        super().__init__()
        self.conv1 = StochasticConv2d(n_in, n_out, 3, first)
        self.conv2 = StochasticConv2d(n_out, n_out, 3, second)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, n_in, height, width) → (batch, n_out, height, width)."""
        return torch.relu(self.conv2(torch.relu(self.conv1(x))))


class UNet(nn.Module):
    """U-Net with optional Concrete Dropout in every layer but the first.

    The first layer sees the image's own channels: without one of them there is no image, so
    it carries no dropout (and a coordinate, which enters there too, is never dropped).

    Parameters
    ----------
    config : NetworkConfig
        Channels, levels, filters, embedding dimensions, kind of dropout.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config

        def dropout(n_channels: int) -> ConcreteDropout | None:
            if config.dropout == "none":
                return None
            return ConcreteDropout(n_channels, config.initial_rate)

        widths = [config.filters * 2**level for level in range(config.levels)]
        n_in = config.n_channels + 2 * config.coordinates
        self.encoder = nn.ModuleList()
        for level, width in enumerate(widths):
            first = None if level == 0 else dropout(n_in)
            self.encoder.append(DoubleConv(n_in, width, first, dropout(width)))
            n_in = width
        self.up = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for width in reversed(widths[:-1]):
            self.up.append(StochasticUpConv2d(2 * width, width, dropout(2 * width)))
            self.decoder.append(DoubleConv(2 * width, width, dropout(2 * width), dropout(width)))
        n_out = config.embedding_dimensions + 3
        self.head = StochasticConv2d(config.filters, n_out, 1, dropout(config.filters))
        self.apply(_initialise)

    @property
    def stride(self) -> int:
        """Height and width of an input must be multiples of this many pixels."""
        return int(2 ** (self.config.levels - 1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Predict embeddings and class logits.

        Parameters
        ----------
        x : Tensor of shape (batch, n_channels [+ 2], height, width)
            Normalised channels, then the coordinates where the network uses them.

        Returns
        -------
        embeddings : Tensor of shape (batch, embedding_dimensions, height, width)
        logits : Tensor of shape (batch, 3, height, width)
            Background, foreground, overlap.
        """
        skips: list[Tensor] = []
        for level, block in enumerate(self.encoder):
            if level:
                x = nn.functional.max_pool2d(x, 2)
            x = block(x)
            skips.append(x)
        skips.pop()
        for up, block in zip(self.up, self.decoder, strict=True):
            x = block(torch.cat([skips.pop(), up(x)], dim=1))
        out = self.head(x)
        return out[:, :-3], out[:, -3:]


def coordinate_channels(height: int, width: int, offset: tuple[float, float]) -> Tensor:
    """Coordinates of a crop as two channels.

    Parameters
    ----------
    height, width : int
        Size of the crop, pixels.
    offset : (float, float)
        y, x of the crop's top left pixel, pixels, in the frame whose origin is the middle of
        the trained extent.

    Returns
    -------
    Tensor of shape (2, height, width)
        y, then x, in units of `COORDINATE_UNIT` pixels.
    """
    y = (torch.arange(height, dtype=torch.float32) + offset[0]) / COORDINATE_UNIT
    x = (torch.arange(width, dtype=torch.float32) + offset[1]) / COORDINATE_UNIT
    return torch.stack(torch.meshgrid(y, x, indexing="ij"))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
