"""Pictures of the scored images, where they lie beside the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_probinst.core.data.bbbc010 import MASK_FOLDER, find_wells
from napari_probinst.core.data.files import IMAGE_SUFFIXES
from napari_probinst.core.data.images import read_image
from napari_probinst.core.data.naming import IMAGE_FOLDER, INSTANCE_FOLDER
from napari_probinst.core.errors import InputError
from napari_probinst.core.evaluation.names import alike, name_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

#: Percentiles of the intensities that are drawn black and white.
_BRIGHT_FIELD, _FLUORESCENCE = (0.5, 99.5), (60.0, 99.9)
_RED = np.array([0.9, 0.1, 0.1], dtype=np.float32)


def find_pictures(truth: Path) -> dict[str, tuple[Path, ...]]:
    """Files of each image beside its truth, by its name.

    Of a well of BBBC010 these are fluorescence and bright field; of a training folder, the file
    of that name in ``images``. Empty for any other truth.
    """
    root = truth.parent if truth.name in {MASK_FOLDER, INSTANCE_FOLDER} else truth
    if not root.is_dir():
        return {}
    wells = find_wells(root)
    if wells or not (root / IMAGE_FOLDER).is_dir():
        return {well: (channels["w1"], channels["w2"]) for well, channels in wells.items()}
    return {
        name_of(path.name): (path,)
        for path in sorted((root / IMAGE_FOLDER).iterdir())
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    }


def read_picture(
    pictures: dict[str, tuple[Path, ...]], name: str, shape: tuple[int, int]
) -> NDArray[np.float32] | None:
    """Colour picture of an image: bright field in grey, fluorescence in red, as in figure 1.

    Of a file with all channels the first one is shown, in grey.

    Returns
    -------
    ndarray of float32, shape (height, width, 3), or None
        0 to 1; None where there is no image of that name and shape that can be read.
    """
    known = alike(name, list(pictures))
    if len(known) != 1:
        return None
    try:
        *fluorescence, first = (read_image(path).channels[0] for path in pictures[known[0]])
    except InputError:
        return None  # the scores need no pixels
    if any(page.shape != tuple(shape) for page in (*fluorescence, first)):
        return None
    grey = _stretched(first, _BRIGHT_FIELD)[..., np.newaxis]
    if not fluorescence:
        return np.repeat(grey, 3, axis=2)
    red = _stretched(fluorescence[0], _FLUORESCENCE)[..., np.newaxis]
    return np.asarray(grey * (1 - red) + _RED * red, dtype=np.float32)


def _stretched(page: NDArray[np.generic], percentiles: tuple[float, float]) -> NDArray[np.float32]:
    """Intensities from 0 to 1 between two percentiles."""
    values = page.astype(np.float32)
    low, high = np.percentile(values, percentiles)
    # Intensities of a float image may lie between 0 and 1; an even page has no span at all.
    stretched = (values - np.float32(low)) / np.float32(high - low or 1)
    return np.asarray(np.clip(stretched, 0, 1), dtype=np.float32)
