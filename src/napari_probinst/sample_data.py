"""Samples under File ▸ Open Sample: synthetic worms that touch and cross.

The functions return napari's layer tuples and need no napari themselves, so that the command
line's demonstration predicts the very image that the menu opens.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.data.synthetic import SyntheticImage, synthetic_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.core.instances import InstanceSet

    LayerData = tuple[NDArray[Any], dict[str, Any], str]

#: Name that predictions and corrections of the sample are saved under.
SAMPLE_NAME = "synthetic_worms"

# Worms that touch and cross, about which the draws of the bundled model disagree: 5 to 3, 6 to 2.
_SEED = 11


@lru_cache(maxsize=1)
def sample_image() -> SyntheticImage:
    """Draw the sample well: 14 worms of which several touch or cross, with their exact masks."""
    return synthetic_image(_SEED, n_worms=14, crossing=0.25, touching=0.25)


def worms() -> list[LayerData]:
    """Sample well as two image layers.

    Returns
    -------
    list of (ndarray, dict, str)
        'worms bright field' in grey, and over it 'worms fluorescence' in orange, which stands
        out for colour-blind eyes also. ``metadata["napari_probinst"]`` names the image and the
        channel of each.
    """
    image = sample_image()
    # Worms' bodies rather than hot specks: few pixels are brighter than a dead worm.
    brightest = float(np.percentile(image.channels[1], 99.9))
    looks: tuple[dict[str, Any], ...] = (
        {"colormap": "gray", "contrast_limits": (0.0, float(image.channels[0].max()))},
        {"colormap": "bop orange", "blending": "additive", "contrast_limits": (80.0, brightest)},
    )
    return [
        (
            channel.copy(),
            {
                "name": f"worms {name}",
                **look,
                "metadata": {"napari_probinst": {"name": SAMPLE_NAME, "channel": name}},
            },
            "image",
        )
        for channel, name, look in zip(image.channels, image.channel_names, looks, strict=True)
    ]


def worms_truth() -> list[LayerData]:
    """Sample well with a labels layer that shows the exact masks.

    Returns
    -------
    list of (ndarray, dict, str)
        The layers of `worms`, and 'worms exact masks'. Labels can't overlap: where worms do,
        the later one is shown. ``metadata["napari_probinst"]`` says how many pixels that concerns.
    """
    truth = sample_image().truth
    overlap = int(np.count_nonzero(truth.cover() > 1))
    metadata = {
        "name": SAMPLE_NAME,
        "overlap_pixels": overlap,
        "note": f"For display only: {overlap} pixels belong to several worms, "
        "and show the last of them.",
    }
    look = {
        "name": "worms exact masks",
        "opacity": 0.5,
        "metadata": {"napari_probinst": metadata},
    }
    return [*worms(), (_flattened(truth), look, "labels")]


def _flattened(truth: InstanceSet) -> NDArray[np.int32]:
    labels = np.zeros(truth.shape, dtype=np.int32)
    for label, instance in enumerate(truth.instances, start=1):
        instance.paint(labels, label)
    return labels
