"""Correct the contours of a class map by how much of the image it calls foreground.

Whoever outlines objects by hand draws tighter contours where there are many, and so does a
threshold that is set image by image. A network's convolutions look at a place and its
surroundings; what they leave undone is a function of the whole image, and a line through the
share of foreground holds most of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field, model_validator

from napari_probinst.core.config import Section
from napari_probinst.core.network.classes import BACKGROUND

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray


class Calibration(Section):
    """Shift of the background's log-odds, linear in the share of foreground.

    With the share s of an image, the mean over its pixels of 1 - p(background), each pixel's
    log-odds of background grow by ``offset + slope * clip(s, least_share, largest_share)``;
    foreground and overlap keep their ratio.
    """

    offset: float = Field(description="Shift at a share of 0, natural log-odds.")
    slope: float = Field(description="Shift for each unit of the share, natural log-odds.")
    least_share: float = Field(ge=0, le=1, description="Least share that it was fitted to.")
    largest_share: float = Field(ge=0, le=1, description="Largest share that it was fitted to.")

    @model_validator(mode="after")
    def _shares_are_in_order(self) -> Self:
        if self.least_share > self.largest_share:
            raise ValueError("least_share is larger than largest_share")
        return self

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
            share = foreground_share(classes[BACKGROUND])
        shifted[BACKGROUND] *= np.exp(np.float32(self.shift(share)))
        shifted /= shifted.sum(axis=0)
        return shifted


def foreground_share(background: NDArray[np.float32]) -> float:
    """Mean over all pixels of 1 - p(background), 0 to 1."""
    return 1.0 - float(background.mean(dtype=np.float64)) if background.size else 0.0
