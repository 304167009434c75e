"""The image of a prediction, read from its files where the viewer doesn't have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari.layers import Image

from napari_probinst.core.data.io import read_image
from napari_probinst.widgets.finding import METADATA_KEY
from napari_probinst.widgets.layers import pixel_scale

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def read_layers(name: str, paths: Sequence[Path]) -> list[Image]:
    """Read an image as layers, one a file; of several files only the first one is seen.

    Parameters
    ----------
    name : str
        Name of the image, and of its first layer.
    paths : sequence of Path
        The image's file, or one for each of its channels.

    Raises
    ------
    InputError
        If one can't be read.
    """
    layers: list[Image] = []
    for path in paths:
        image = read_image(path)
        pixels = image.channels if len(image.channels) > 1 else image.channels[0]
        scale = pixel_scale(image.pixel_size, pixels.ndim)
        first = not layers
        layer = Image(pixels, name=name if first else image.name, visible=first, **scale)
        layer.metadata[METADATA_KEY] = {"name": name}
        layers.append(layer)
    return layers
