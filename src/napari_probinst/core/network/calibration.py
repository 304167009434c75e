"""Correct a class map: its contours by how much of the image it calls foreground, and its overlaps.

Whoever outlines objects by hand draws tighter contours where there are many, and so does a
threshold that is set image by image. A network's convolutions look at a place and its
surroundings; what they leave undone is a function of the whole image, and a line through the
share of foreground holds most of it.

Overlaps are few, so a training weighs them more, and the network comes to see many where there
are none. It can be told from the truth by how much, once it is trained.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, model_validator

from napari_probinst.core.network.classes import BACKGROUND, FOREGROUND, OVERLAP
from napari_probinst.core.section import Section

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray


class Calibration(Section):
    """Shifts of the log-odds of background, linear in the share of foreground, and of overlap.

    With the share s of an image, the mean over its pixels of 1 - p(background), each pixel's
    log-odds of background grow by ``offset + slope * clip(s, least_share, largest_share)``. Of what
    is left to foreground and overlap, the log-odds of overlap grow by ``overlap``.
    """

    offset: float = Field(0.0, description="Shift at a share of 0, natural log-odds.")
    slope: float = Field(0.0, description="Shift for each unit of the share, natural log-odds.")
    least_share: float = Field(0.0, ge=0, le=1, description="Least share that it was fitted to.")
    largest_share: float = Field(
        1.0, ge=0, le=1, description="Largest share that it was fitted to."
    )
    overlap: float = Field(
        0.0, description="Shift of overlap against foreground, natural log-odds."
    )

    @model_validator(mode="after")
    def _shares_are_in_order(self) -> Self:
        if self.least_share > self.largest_share:
            raise ValueError("least_share is larger than largest_share")
        return self

    @classmethod
    def undoing(cls, overlap_weight: float) -> Calibration:
        """What undoes the weight of overlap pixels in a training's cross-entropy.

        The odds that such a training learns are the true ones times the weight.
        """
        return cls(overlap=-math.log(overlap_weight))

    @property
    def follows_share(self) -> bool:
        """Whether the share of foreground makes a difference."""
        return self.slope != 0

    def shift(self, share: float) -> float:
        """Shift for an image whose `foreground_share` is ``share``.

        Returns
        -------
        float
            To add to the log-odds of background.
        """
        return self.offset + self.slope * min(max(share, self.least_share), self.largest_share)

    def apply(
        self, classes: NDArray[np.float32], share: float | None = None
    ) -> NDArray[np.float32]:
        """Shifted probabilities.

        Parameters
        ----------
        classes : ndarray of float32, shape (3, height, width)
            Probabilities of background, foreground and overlap.
        share : float, optional
            Of foreground in the image, where ``classes`` are those of a part of it.

        Returns
        -------
        ndarray of float32, shape (3, height, width)
            They sum to 1 again.
        """
        shifted = classes.copy()
        if share is None:
            share = foreground_share(classes[BACKGROUND]) if self.follows_share else 0.0
        if shift := self.shift(share):
            shifted[BACKGROUND] *= np.exp(np.float32(shift))
            shifted /= shifted.sum(axis=0)
        if self.overlap:
            _shift_overlap(shifted[FOREGROUND], shifted[OVERLAP], self.overlap)
        return shifted


def _shift_overlap(
    foreground: NDArray[np.float32], overlap: NDArray[np.float32], shift: float
) -> None:
    """Let the log-odds of overlap against foreground grow, in place; their sum stays."""
    both = foreground + overlap
    overlap *= np.exp(np.float32(shift))
    scale = foreground + overlap
    # Where both are 0 they stay so.
    np.divide(both, scale, out=scale, where=scale > 0)
    foreground *= scale
    overlap *= scale


def foreground_share(background: NDArray[np.float32]) -> float:
    """Mean over all pixels of 1 - p(background), 0 to 1."""
    return 1.0 - float(background.mean(dtype=np.float64)) if background.size else 0.0
