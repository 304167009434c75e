"""Pages of the size of an image, as the data of layers: large ones so that only the view is drawn.

napari draws a layer as a whole, whatever part of it is seen: tens of millions of pixels take
seconds at every edit, and pages beyond the largest texture of the graphics card lose pixels. Of a
layer with several levels it draws the part that is seen, at the level that the screen can show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.layers import Layer
    from numpy.typing import NDArray

#: Longest side that is drawn as a whole, pixels: a well and a camera's frame, not a plate.
LARGEST_WHOLE = 4096
#: Longest side of the coarsest level, pixels; the thumbnail is made from it at every change.
_COARSEST = 512


def page_data(page: NDArray[Any]) -> NDArray[Any] | list[NDArray[Any]]:
    """Return a page as the data of a layer: as it is, or as levels where it is large.

    Parameters
    ----------
    page : ndarray, shape (height, width)
        What the layer shows.

    Returns
    -------
    ndarray or list of ndarray
        The page, or the page followed by every second, fourth, ... of its pixels. All levels are
        views of the page: they cost nothing, and change with it.
    """
    if max(page.shape) <= LARGEST_WHOLE:
        return page
    levels = [page]
    while max(levels[-1].shape) > _COARSEST:
        levels.append(levels[-1][::2, ::2])
    return levels


def page_of(layer: Layer) -> Any:
    """Data of a layer at its full resolution."""
    return layer.data[0] if layer.multiscale else layer.data
