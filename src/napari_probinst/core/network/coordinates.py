"""A pixel's y and x as channels of the network's input."""

from __future__ import annotations

import torch
from torch import Tensor

#: Coordinates enter the network in units of this many pixels.
COORDINATE_UNIT = 256.0
#: Coordinates that are added to embeddings: so many pixels are one, before weights are learnt.
POSITION_UNIT = 16.0


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
