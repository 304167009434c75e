"""Pictures of the scored images, where they lie beside the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.data.bbbc010 import MASK_FOLDER, find_wells
from napari_probinst.core.data.images import read_image
from napari_probinst.core.evaluation.names import alike

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

#: Percentiles of the intensities that are drawn black and white.
_BRIGHT_FIELD, _FLUORESCENCE = (0.5, 99.5), (60.0, 99.9)
_RED = np.array([0.9, 0.1, 0.1], dtype=np.float32)


def find_pictures(truth: Path) -> dict[str, dict[str, Path]]:
    """Files of each well of BBBC010 beside its truth, by channel; empty for any other truth."""
    root = truth.parent if truth.name == MASK_FOLDER else truth
    return find_wells(root) if root.is_dir() else {}


def read_picture(
    pictures: dict[str, dict[str, Path]], name: str, shape: tuple[int, int]
) -> NDArray[np.float32] | None:
    """Colour picture of an image: bright field in grey, fluorescence in red, as in figure 1.

    Returns
    -------
    ndarray of float32, shape (height, width, 3), or None
        0 to 1; None where there is no image of that name and shape.
    """
    wells = alike(name, list(pictures))
    if len(wells) != 1:
        return None
    fluorescence, bright_field = (
        read_image(pictures[wells[0]][channel]).channels[0] for channel in ("w1", "w2")
    )
    if not fluorescence.shape == bright_field.shape == tuple(shape):
        return None
    grey = _stretched(bright_field, _BRIGHT_FIELD)[..., np.newaxis]
    red = _stretched(fluorescence, _FLUORESCENCE)[..., np.newaxis]
    return np.asarray(grey * (1 - red) + _RED * red, dtype=np.float32)


def _stretched(page: NDArray[np.generic], percentiles: tuple[float, float]) -> NDArray[np.float32]:
    """Intensities from 0 to 1 between two percentiles."""
    values = page.astype(np.float32)
    low, high = np.percentile(values, percentiles)
    stretched = (values - np.float32(low)) / np.float32(max(high - low, 1))
    return np.asarray(np.clip(stretched, 0, 1), dtype=np.float32)
