"""Whether the instances that were found have the size that a model was trained for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from napari_probinst.core.config import LARGEST_SCALE, SMALLEST_SCALE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.instances import Instance
    from napari_probinst.core.prediction import Prediction

#: A width that differs from the model's by more than this factor doesn't fit.
TOLERANCE = 1.5
#: Instances whose widths are measured; more change the median little.
MOST_MEASURED = 200


@dataclass(frozen=True, slots=True)
class Misfit:
    """Instances of another width than a model knows.

    Parameters
    ----------
    width : float
        Typical width of what was found, pixels of the image.
    expected : float
        What the model takes for the same width, at the scale it saw the image at; pixels of
        the image.
    scale : float
        Setting with which it would see objects of ``width`` as wide as it knows them, to two
        digits.
    """

    width: float
    expected: float
    scale: float


def misfit(prediction: Prediction, object_width: float) -> Misfit | None:
    """Compare the width of what was found with what a model knows.

    Parameters
    ----------
    prediction : Prediction
        At whatever scale.
    object_width : float
        Width of the objects that the model was trained with, pixels.

    Returns
    -------
    Misfit or None
        None where the widths differ by no more than the factor `TOLERANCE`, or nothing was
        found.
    """
    width = typical_width(prediction.binary().instances)
    return None if width is None else compared(width, object_width, prediction.settings.scale)


def compared(width: float, object_width: float, scale: float) -> Misfit | None:
    """Compare a width with what a model knows.

    Parameters
    ----------
    width : float
        Typical width of what was found, pixels of the image.
    object_width : float
        Width of the objects that the model was trained with, pixels.
    scale : float
        At which it saw the image.

    Returns
    -------
    Misfit or None
        As of `misfit`.
    """
    expected = object_width / scale
    if 1 / TOLERANCE <= width / expected <= TOLERANCE:
        return None
    better = min(max(object_width / width, SMALLEST_SCALE), LARGEST_SCALE)
    return Misfit(width, expected, float(f"{better:.2g}"))


def typical_misfit(misfits: Sequence[Misfit]) -> Misfit:
    """Median of one or more by their scales; of an even number the lower one."""
    return sorted(misfits, key=lambda each: each.scale)[(len(misfits) - 1) // 2]


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
