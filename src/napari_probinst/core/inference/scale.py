"""Whether the instances that were found have the size that a model was trained for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.instances import Instance

#: Instances whose widths are measured; more change the median little.
MOST_MEASURED = 200


def typical_width(instances: Sequence[Instance]) -> float | None:
    """Median width, measured as a model's ``object_width`` is.

    The width of an instance is twice the greatest distance of its pixels to its outline, so that
    of a bent worm is that of its thickest part, not of its box.

    Parameters
    ----------
    instances : sequence of Instance
        Of many, `MOST_MEASURED` at even distances in the sequence are measured.

    Returns
    -------
    float or None
        Pixels; None if no instance has any.
    """
    step = -(-len(instances) // MOST_MEASURED) or 1
    widths = [
        2 * float(ndimage.distance_transform_edt(np.pad(instance.mask, 1)).max())
        for instance in instances[::step]
        if instance.area
    ]
    return float(np.median(widths)) if widths else None
