"""Embeddings of the pixels of an image, of which clustering reads a twentieth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Vectors(Protocol):
    """One vector a pixel of an image."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of dimensions, height and width."""
        ...

    def at(self, y: NDArray[np.intp], x: NDArray[np.intp]) -> NDArray[np.float32]:
        """Vectors of some pixels, float32 of shape (n_pixels, n_dimensions).

        Parameters
        ----------
        y, x : ndarray of int, shape (n_pixels,)
            Where they are.
        """
        ...

    def pages(self) -> NDArray[np.float32]:
        """Vectors of all pixels, float32 of shape (n_dimensions, height, width)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """One vector a pixel, all of them given.

    Parameters
    ----------
    values : ndarray of float32, shape (n_dimensions, height, width)
        The vectors, in any layout.
    """

    values: NDArray[np.float32]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of dimensions, height and width."""
        return self.values.shape

    def at(self, y: NDArray[np.intp], x: NDArray[np.intp]) -> NDArray[np.float32]:
        """Vectors of some pixels; see `Vectors`."""
        vectors: NDArray[np.float32] = np.moveaxis(self.values, 0, -1)[y, x]
        return vectors.astype(np.float32, copy=False)

    def pages(self) -> NDArray[np.float32]:
        """Vectors of all pixels; see `Vectors`."""
        return self.values
