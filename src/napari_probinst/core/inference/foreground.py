"""What clustering looks at in the prediction of an image or a tile: its foreground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.inference.embeddings import Vectors

#: Pixels are ordered block by block, so that an even sample of them meets small worms too.
BLOCK = 16


@dataclass(frozen=True, slots=True, eq=False)
class Foreground:
    """Embeddings of the foreground pixels, and where overlaps connect them.

    In an image of worms this is a twentieth of the network's output, and all that the
    instances depend on.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the image or tile, pixels.
    pixels : ndarray of int64, shape (n_pixels,)
        Flat indices of the foreground pixels in blocks of `BLOCK` x `BLOCK`. Neighbours are
        close to one another: every n-th pixel is an even sample of the image, and a worm's
        pixels are few long runs, so that one with n pixels can hardly be missed.
    vectors : ndarray of float32, shape (n_pixels, n_dimensions)
        Their embeddings, less their mean: distances come from products of vectors, whose
        rounding grows with the vectors' length.
    bridge : ndarray of int64, shape (n_bridge_pixels,)
        Flat indices of the overlap pixels, through which the halves of a crossed worm are
        connected.
    """

    shape: Shape
    pixels: NDArray[np.int64]
    vectors: NDArray[np.float32]
    bridge: NDArray[np.int64]

    @classmethod
    def select(
        cls,
        embeddings: Vectors,
        foreground: NDArray[np.bool_],
        bridge: NDArray[np.bool_] | None = None,
    ) -> Foreground:
        """Take the foreground out of whole pages.

        Parameters
        ----------
        embeddings : Vectors
            Of shape (n_dimensions, height, width).
        foreground : ndarray of bool, shape (height, width)
            Pixels to cluster.
        bridge : ndarray of bool, shape (height, width), optional
            Overlap pixels; none by default.

        Raises
        ------
        ValueError
            If the heights and widths differ.
        """
        if bridge is None:
            bridge = np.zeros_like(foreground)
        if not embeddings.shape[1:] == foreground.shape == bridge.shape:
            raise ValueError(
                f"embeddings {embeddings.shape}, foreground {foreground.shape} and bridge "
                f"{bridge.shape} must have the same height and width"
            )
        height, width = foreground.shape
        pixels = _block_by_block(foreground)
        vectors = embeddings.at(*np.divmod(pixels, max(width, 1)))
        if pixels.size:
            vectors -= vectors.mean(axis=0, dtype=np.float64)
        return cls((height, width), pixels, vectors, np.flatnonzero(bridge))

    @property
    def n_bytes(self) -> int:
        """Memory that the arrays take."""
        return self.pixels.nbytes + self.vectors.nbytes + self.bridge.nbytes

    def overlap(self) -> NDArray[np.bool_]:
        """Overlap pixels on a page, shape (height, width)."""
        page = np.zeros(self.shape, dtype=bool)
        page.flat[self.bridge] = True
        return page


def _block_by_block(foreground: NDArray[np.bool_]) -> NDArray[np.int64]:
    pixels = np.flatnonzero(foreground)
    y, x = np.divmod(pixels, max(foreground.shape[1], 1))
    block = y // BLOCK * (foreground.shape[1] // BLOCK + 1) + x // BLOCK
    return pixels[np.argsort(block, kind="stable")]
