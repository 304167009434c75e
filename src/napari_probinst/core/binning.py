"""Images averaged over blocks of pixels, and the way back for instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_probinst.core.instances import Instance

if TYPE_CHECKING:
    from numpy.typing import NDArray


def bin_pages(pages: NDArray[Any], factor: int) -> NDArray[np.float32]:
    """Average blocks of ``factor`` x ``factor`` pixels; incomplete ones are left out.

    Parameters
    ----------
    pages : ndarray of shape (n_pages, height, width)
        At least ``factor`` pixels high and wide.
    factor : int
        Side of a block, pixels.

    Returns
    -------
    ndarray of float32, shape (n_pages, height // factor, width // factor)
    """
    height, width = (length // factor * factor for length in pages.shape[1:])
    blocks = pages[:, :height, :width].reshape(
        len(pages), height // factor, factor, width // factor, factor
    )
    return np.asarray(blocks.mean(axis=(2, 4), dtype=np.float32))


def enlarged(instance: Instance, factor: int) -> Instance:
    """Instance of an image binned by ``factor``, in pixels of the image itself."""
    y0, x0, y1, x1 = (factor * bound for bound in instance.bbox)
    return Instance((y0, x0, y1, x1), instance.mask.repeat(factor, 0).repeat(factor, 1))
