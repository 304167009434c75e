"""A network's steps merged on processors, where nothing is trained: fewer pages are read again."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from napari_probinst.core.network.double_conv import DoubleConv

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch.nn import Module

    from napari_probinst.core.network.concrete_dropout import StochasticConv2d
    from napari_probinst.core.network.unet import UNet


@cache
def is_offered(*, bfloat16: bool) -> bool:
    """Whether torch has this step here: oneDNN's, which is what `torch.compile` calls as well.

    Parameters
    ----------
    bfloat16 : bool
        In bfloat16, or in float32.
    """
    available: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not available or not hasattr(torch.ops.mkldnn, "_convolution_pointwise"):
        return False
    # It is no public function: that there is one doesn't mean that it takes the same arguments,
    # or runs on every kind of processor.
    pixel = torch.zeros(1, 1, 1, 1, dtype=torch.bfloat16 if bfloat16 else torch.float32)
    try:
        _step(pixel, pixel, None)
    except RuntimeError:
        return False
    return True


def _step(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    padding = [size // 2 for size in weight.shape[2:]]
    result: Tensor = torch.ops.mkldnn._convolution_pointwise(
        x, weight, bias, padding, [1, 1], [1, 1], 1, "relu", [], ""
    )
    return result


def convolve_and_rectify(x: Tensor, layer: StochasticConv2d) -> Tensor:
    """``relu(layer(x))`` of a convolution that nothing is drawn for any more; no gradient.

    Parameters
    ----------
    x : Tensor of shape (batch, n_in, height, width)
        Read in the precision of the layer's weights.
    layer : StochasticConv2d
        A convolution whose bias has the precision of its weights.

    Returns
    -------
    Tensor of shape (batch, n_out, height, width)
        The same values as of two steps.
    """
    return _step(x.to(layer.weight.dtype), layer.weight, layer.bias)


def halve(x: Tensor) -> Tensor:
    """Maximum of each 2x2 pixels, without noting where it was, as training needs to know.

    Parameters
    ----------
    x : Tensor of shape (batch, n_channels, height, width)
        Laid out pixel by pixel (channels last); height and width even.

    Returns
    -------
    Tensor of shape (batch, n_channels, height / 2, width / 2)
    """
    by_pixel = x.permute(0, 2, 3, 1)
    rows = torch.maximum(by_pixel[:, ::2], by_pixel[:, 1::2])
    return torch.maximum(rows[:, :, ::2], rows[:, :, 1::2]).permute(0, 3, 1, 2)


def merge_steps(network: UNet, *, bfloat16: bool) -> None:
    """Let a realisation on the CPU take convolution and ReLU as one step, in place.

    Its weights are rounded to the precision of the convolutions once, not at every image, and
    pages are halved without noting more than the maxima. Nothing happens where torch doesn't
    offer the step.

    Parameters
    ----------
    network : UNet
        A network that is not trained, and not mapped over (`torch.func`).
    bfloat16 : bool
        Whether its convolutions run in bfloat16.
    """
    if not is_offered(bfloat16=bfloat16):
        return
    network.halve = halve
    for block in network.modules():
        if not isinstance(block, DoubleConv):
            continue
        block.convolve = convolve_and_rectify
        # What is the same in a whole image is added before the ReLU: not in one step.
        reads_context = block is network.class_block and network.context is not None
        layers = [block.conv2] if reads_context else [block.conv1, block.conv2]
        _round(layers, bfloat16=bfloat16)
    heads = [network.head] if network.class_head is None else [network.head, network.class_head]
    _round([*network.up, *heads], bfloat16=bfloat16)


def _round(layers: Iterable[Module], *, bfloat16: bool) -> None:
    for layer in layers if bfloat16 else ():
        layer.to(torch.bfloat16)
