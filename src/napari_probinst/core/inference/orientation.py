"""The eight ways to mirror and turn an image by right angles, and the way back.

A draw that sees the image in another orientation costs what any draw costs, and the errors
that come from how a worm happens to lie differ from one draw to the next: test-time
augmentation for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape

T = TypeVar("T", bound=np.generic)

#: Bits of an orientation: mirrored along x, along y, and height and width exchanged.
MIRROR_X, MIRROR_Y, TRANSPOSE = 1, 2, 4


def n_orientations(extent: Shape, *, coordinates: bool) -> int:
    """Orientations in which a network may see an image: 0 to 7, or 0 to 3.

    Exchanging height and width moves the corners of a page that isn't square to coordinates
    that a network with coordinate channels never saw in training. It gets the four
    orientations that leave height and width alone.

    Parameters
    ----------
    extent : (int, int)
        Height and width that the network's coordinates cover, pixels.
    coordinates : bool
        Whether the network reads coordinates as channels.
    """
    return 4 if coordinates and extent[0] != extent[1] else 8


def orient(pages: NDArray[T], orientation: int) -> NDArray[T]:
    """Mirror and turn pages.

    Parameters
    ----------
    pages : ndarray of shape (n_pages, height, width)
        Any pages.
    orientation : int
        0 to 7, the sum of `MIRROR_X`, `MIRROR_Y` and `TRANSPOSE`, applied in this order: 0
        leaves the pages as they are, 3 turns them by 180 degrees.

    Returns
    -------
    ndarray of shape (n_pages, height, width), or (n_pages, width, height) if transposed
        Contiguous.
    """
    return np.ascontiguousarray(_exchanged(_mirrored(pages, orientation), orientation))


def restore(pages: NDArray[T], orientation: int) -> NDArray[T]:
    """Undo `orient`: ``restore(orient(pages, k), k)`` is ``pages``; a view."""
    return _mirrored(_exchanged(pages, orientation), orientation)


def seen_at(
    y: NDArray[np.intp], x: NDArray[np.intp], shape: Shape, orientation: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Where pixels of an image lie in the pages that `orient` makes of it.

    Parameters
    ----------
    y, x : ndarray of int, shape (n_pixels,)
        Pixels of the image.
    shape : (int, int)
        Height and width of the image, pixels.
    orientation : int
        As for `orient`.

    Returns
    -------
    y, x : ndarray of int, shape (n_pixels,)
    """
    if orientation & MIRROR_Y:
        y = shape[0] - 1 - y
    if orientation & MIRROR_X:
        x = shape[1] - 1 - x
    return (x, y) if orientation & TRANSPOSE else (y, x)


def _mirrored(pages: NDArray[Any], orientation: int) -> NDArray[Any]:
    y = -1 if orientation & MIRROR_Y else 1
    x = -1 if orientation & MIRROR_X else 1
    return pages[:, ::y, ::x]


def _exchanged(pages: NDArray[Any], orientation: int) -> NDArray[Any]:
    return pages.swapaxes(1, 2) if orientation & TRANSPOSE else pages
