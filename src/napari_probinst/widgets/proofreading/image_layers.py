"""The image of a prediction, read from its files where the viewer doesn't have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image

from napari_probinst.core.data.io import read_image
from napari_probinst.core.data.lazy import open_image
from napari_probinst.widgets.finding import METADATA_KEY
from napari_probinst.widgets.layers import pixel_scale

if TYPE_CHECKING:
    from napari_probinst.core.curation.image_files import ImageFiles


def read_layers(name: str, files: ImageFiles) -> list[Image]:
    """Read an image as layers, one a file; of several files only the first one is seen.

    Parameters
    ----------
    name : str
        Name of the image, and of its first layer.
    files : ImageFiles
        Of a stack no plane but the image's is read.

    Raises
    ------
    InputError
        If one can't be read.
    """
    layers: list[Image] = []
    for path in files.paths:
        image = open_image(path, plane=files.plane) if files.plane else read_image(path)
        channels = np.asarray(image.channels)
        pixels = channels if len(channels) > 1 else channels[0]
        scale = pixel_scale(image.pixel_size, pixels.ndim)
        first = not layers
        layer = Image(pixels, name=name if first else image.name, visible=first, **scale)
        layer.metadata[METADATA_KEY] = {"name": name}
        layers.append(layer)
    return layers


def wrong_size(files: ImageFiles) -> str:
    """Say that what was found isn't the image of the prediction."""
    return (
        f"The image {files.paths[0].name} is not of the size of its prediction, and is not shown: "
        "predict it again."
    )
