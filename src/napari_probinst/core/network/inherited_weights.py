"""Weights of one network for another that has other outputs, or other rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from napari_probinst.core.network.classes import N_CLASSES
from napari_probinst.core.network.unet import CONTEXT

if TYPE_CHECKING:
    from torch import Tensor

    from napari_probinst.core.network.unet import UNet


def load_weights_of(network: UNet, other: UNet) -> None:
    """Give a network the weights of another one of the same shape.

    ``other`` may lack the class decoder: the network's own then starts as a copy of the decoder
    that both outputs shared. It may lack the global context: that is then read with weight zero.
    Either way the two networks compute the same. Coordinates that ``other`` reads and the network
    adds to the embeddings are left out: these have to be learnt anew. Where only one of them has
    dropout rates, the network's stay as they are, or those of ``other`` are left out.

    Parameters
    ----------
    network : UNet
        Changed in place.
    other : UNet
        Whose weights are taken.

    Raises
    ------
    RuntimeError
        If the weights don't fit.
    """
    weights = other.state_dict()
    if network.class_block is not None and other.class_block is None:
        weights = _with_class_decoder(weights, last=len(network.decoder) - 1)
    if network.context is not None and other.context is None:
        weights = _with_context(weights, network)
    if network.position is not None and other.config.coordinates == "input":
        first = "encoder.0.conv1.weight"
        position = {"position": network.position.detach()}
        weights = weights | {first: weights[first][:, :-2]} | position
    if network.config.dropout != other.config.dropout:
        own = network.state_dict()
        weights = {name: weight for name, weight in weights.items() if not _is_rate(name)}
        weights |= {name: rate for name, rate in own.items() if _is_rate(name)}
    network.load_state_dict(weights)


def _with_context(weights: dict[str, Tensor], network: UNet) -> dict[str, Tensor]:
    """Weights of the same function where the class map also reads the global context."""
    own = {
        name: weight.clone()
        for name, weight in network.state_dict().items()
        if name.startswith(f"{CONTEXT}.")
    }
    name = "class_block.conv1.weight"
    if name not in weights:
        return weights  # no class decoder to read it: refused by its names
    narrow = weights[name]
    zeros = narrow.new_zeros(len(narrow), network.config.filters, *narrow.shape[2:])
    return weights | own | {name: torch.cat([narrow, zeros], dim=1)}


def _with_class_decoder(weights: dict[str, Tensor], *, last: int) -> dict[str, Tensor]:
    """Weights of the same function where the class map has a decoder of its own."""
    shared = f"decoder.{last}."
    result = dict(weights)
    for name, weight in weights.items():
        if name.startswith(shared):
            result[name.replace(shared, "class_block.", 1)] = weight.clone()
        elif name in ("head.weight", "head.bias"):
            result[name] = weight[:-N_CLASSES].clone()
            result[f"class_{name}"] = weight[-N_CLASSES:].clone()
        elif name.startswith("head."):
            result[f"class_{name}"] = weight.clone()
    return result


def _is_rate(name: str) -> bool:
    return name.endswith(".raw_rate")
