"""Peaks at which an outline wavers, and no more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_probinst.core.instances import Peak

#: Kind of the peaks at which nothing but an outline is in doubt.
CONTOUR = "contour"


def jitter_mass(patch: int) -> float:
    """Entropy mass below which a contour peak is jitter: one patch in full doubt, nats.

    Outlines differ by a pixel everywhere, and each wiggle is a peak of its own; one that is
    worth less than a patch whose every pixel is in full doubt (ln 2 each) hardly changes an
    instance.

    Parameters
    ----------
    patch : int
        Side of a patch, pixels.
    """
    return math.log(2) * patch**2


def count_jitter(peaks: Iterable[Peak], patch: int) -> int:
    """Count the peaks that are jitter: outlines worth less than `jitter_mass`.

    Parameters
    ----------
    peaks : iterable of Peak
        Peaks of one image.
    patch : int
        Side of a patch, pixels.
    """
    least = jitter_mass(patch)
    return sum(peak.kind == CONTOUR and peak.mass < least for peak in peaks)
