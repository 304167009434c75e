"""Images to export that a reader can draw: one string picture an instance."""

from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.data.exported import ExportedImage, ExportedInstance
from napari_probinst.core.data.flattening import Flattened
from napari_probinst.core.instances import Instance


def _mask(picture):
    """Mask of a picture such as ``"##. .##"``: rows are separated by spaces."""
    return np.array([[character == "#" for character in row] for row in picture.split()])


def _exported(pictures, shape=(6, 9), **options):
    """Image of the pictures by id, each drawn from the top left pixel."""
    instances = {key: Instance.from_mask(_mask(picture)) for key, picture in pictures.items()}
    labels, cover = np.zeros(shape, np.uint16), np.zeros(shape, int)
    for key, instance in sorted(instances.items(), reverse=True):
        instance.paint(labels, key)
        cover += instance.full(shape)
    return ExportedImage(
        name="C04",
        shape=shape,
        instances=tuple(
            ExportedInstance(key, instance, "predicted", 0.875, 0.5)
            for key, instance in sorted(instances.items())
        ),
        flat=Flattened(labels, int((cover > 1).sum())),
        rule="The lowest id wins.",
        **{"curated": False, **options},
    )


@pytest.fixture(scope="session")
def exported():
    return _exported
