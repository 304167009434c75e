"""Realisations without the channels that they drop: equal to the masked network, and cheaper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from napari_probinst.core.network.concrete_dropout import StochasticConv2d, StochasticUpConv2d
from napari_probinst.core.network.unet import CONTEXT

if TYPE_CHECKING:
    from napari_probinst.core.network.unet import UNet

#: Convolutions compute this many channels at once: dropped ones fill up the last block.
BLOCK = 16


def thin(network: UNet, *, block: int = BLOCK) -> None:
    """Take the channels out of a realisation that no layer reads, in place.

    A dropped channel has weight zero in the layer that reads it. A layer need not compute a
    channel that every layer after it drops, and those need not read it. A skip is read by
    several layers; each then reads, with weight zero, what only the others keep.

    Parameters
    ----------
    network : UNet
        A realisation: masked weights, no dropout any more.
    block : int, default `BLOCK`
        The number of channels kept is rounded up to a multiple of this.
    """
    layers = {
        name: layer
        for name, layer in network.named_modules()
        if isinstance(layer, StochasticConv2d | StochasticUpConv2d)
    }
    sources = network.sources()
    kept: dict[str, Tensor] = {}
    for reader, read in sources.items():
        start = 0
        used = _reads(layers[reader])
        for source in read:
            if source not in layers:  # the image
                continue
            end = start + layers[source].out_channels
            part = used[start:end]
            kept[source] = kept[source] | part if source in kept else part
            start = end
    kept = {name: _filled(channels, block) for name, channels in kept.items()}
    if CONTEXT in kept:
        # No pages that cost anything, and what is known of an image serves all draws.
        kept[CONTEXT] = torch.ones_like(kept[CONTEXT])
    for name, layer in layers.items():
        inputs = [kept[source] for source in sources[name] if source in layers]
        _restrict(layer, torch.cat(inputs) if inputs else None, kept.get(name))


def _axes(layer: StochasticConv2d | StochasticUpConv2d) -> tuple[int, int]:
    """Axes of input and output channels."""
    return (0, 1) if isinstance(layer, StochasticUpConv2d) else (1, 0)


def _reads(layer: StochasticConv2d | StochasticUpConv2d) -> Tensor:
    """Which input channels have any weight, bool of shape (in_channels,)."""
    return layer.weight.movedim(_axes(layer)[0], 0).flatten(1).ne(0).any(dim=1)


def _filled(channels: Tensor, block: int) -> Tensor:
    """Channels to keep, with as many of the others, from the first, as fill the last block."""
    missing = -int(channels.sum()) % block
    dropped = torch.nonzero(~channels).flatten()
    # A layer without any output can't be computed.
    least = missing if channels.any() else max(missing, 1)
    result = channels.clone()
    result[dropped[:least]] = True
    return result


def _restrict(
    layer: StochasticConv2d | StochasticUpConv2d, inputs: Tensor | None, outputs: Tensor | None
) -> None:
    weight, bias = layer.weight.detach(), layer.bias
    into, out = _axes(layer)
    if inputs is not None:
        weight = weight.index_select(into, torch.nonzero(inputs).flatten())
    if outputs is not None:
        chosen = torch.nonzero(outputs).flatten()
        weight = weight.index_select(out, chosen)
        if bias is not None:
            layer.bias = nn.Parameter(bias.detach().index_select(0, chosen), requires_grad=False)
    layer.weight = nn.Parameter(weight, requires_grad=False)
    layer.in_channels, layer.out_channels = weight.shape[into], weight.shape[out]
