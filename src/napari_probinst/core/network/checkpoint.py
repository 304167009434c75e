"""Model files: safetensors with a JSON header, and never a pickle."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from napari_probinst.core.errors import ModelError
from napari_probinst.core.network.header import (
    KEY,
    ModelHeader,
    parsed_header,
    read_content,
    with_header,
)
from napari_probinst.core.network.unet import UNet

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A trained network with its header.

    Parameters
    ----------
    network : UNet
        In evaluation mode, on the CPU, float32.
    header : ModelHeader
        What the file states.
    checksum : str
        SHA-256 of the file, hexadecimal.
    file_name : str
        Name of the file it was read from.
    """

    network: UNet
    header: ModelHeader
    checksum: str = ""
    file_name: str = ""


def model_bytes(network: UNet, header: ModelHeader) -> bytes:
    """Content of a model file."""
    tensors = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    return bytes(save(tensors, metadata={KEY: header.model_dump_json()}))


def rewritten(path: Path, model: Model, header: ModelHeader) -> bytes:
    """Content of the file that a model was loaded from, with another header.

    Parameters
    ----------
    path : Path
        The file that ``model`` was loaded from.
    model : Model
        As it was loaded.
    header : ModelHeader
        What the new content is to state.

    Raises
    ------
    ModelError
        If the file was changed since, or can't be read.
    """
    content = read_content(path)
    if hashlib.sha256(content).hexdigest() != model.checksum:
        raise ModelError(f"{path} was changed while it was in use; repeat with the new file.")
    return with_header(content, header)


def load_model(path: Path) -> Model:
    """Read a model file.

    Raises
    ------
    ModelError
        If the file is missing, no model of ours, of a newer version, or damaged.
    """
    content = read_content(path)
    header = parsed_header(content, path)
    # No memory is taken for weights that the header claims and the file may not hold.
    with torch.device("meta"):
        network = UNet(header.network)
    try:
        network.load_state_dict(load(content), assign=True)
    except (SafetensorError, RuntimeError) as error:
        raise ModelError(
            f"{path} is damaged: its weights don't fit the network that its header describes. "
            "Copy or train the model again."
        ) from error
    network.float().eval().requires_grad_(requires_grad=False)
    return Model(network, header, hashlib.sha256(content).hexdigest(), path.name)
