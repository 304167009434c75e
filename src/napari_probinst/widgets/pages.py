"""Pages as large as an image, as the data of layers.

napari draws a layer as a whole, whatever part of it is seen: tens of millions of pixels take
seconds at every edit, and pages beyond the largest texture of the graphics card lose pixels. Of a
layer with several levels it draws the part that is seen, at the level that the screen can show.
Large pages are such layers, and their fine levels are never held: what is seen of them is
rendered from the instances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_probinst.core.boxes import sampled_shape, sampled_windows, window

if TYPE_CHECKING:
    from napari.layers import Layer
    from numpy.typing import NDArray

    from napari_probinst.core.boxes import BBox, Shape

#: Longest side that is drawn as a whole, pixels: a well and a camera's frame, not a plate. The
#: contours of 4096 x 4096 pixels alone hold the window for a second whenever a layer is shown.
LARGEST_WHOLE = 3072
#: Longest side of the coarsest level, pixels; the thumbnail is made from it at every change.
_COARSEST = 512


def is_large(shape: Shape) -> bool:
    """Whether a page of (height, width) pixels is more than napari draws at once with ease."""
    return max(shape) > LARGEST_WHOLE


class Render(Protocol):
    """Makes a part of a page."""

    def __call__(self, bbox: BBox, step: int = 1, /) -> NDArray[Any]:
        """Every ``step``-th row and column inside ``bbox`` (y0, x0, y1, x1)."""
        ...


def page_data(shape: Shape, render: Render) -> NDArray[Any] | list[PageLevel]:
    """Data of a layer that shows what ``render`` makes.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the page.
    render : callable
        Makes parts of it.

    Returns
    -------
    ndarray or list of PageLevel
        The page itself, or its levels, from all its pixels to few, where it is large.
    """
    if not is_large(shape):
        return render((0, 0, *shape))
    page = _Page(shape, render)
    return [PageLevel(page, step) for step in _steps(shape)]


def levels(page: NDArray[Any]) -> NDArray[Any] | list[NDArray[Any]]:
    """Return a page that is held as the data of a layer: with levels where it is large.

    All levels are views of the page: they cost nothing, and change with it.
    """
    if not is_large(page.shape):
        return page
    return [page[::step, ::step] for step in _steps(page.shape)]


def page_of(layer: Layer) -> Any:
    """Data of a layer at its full resolution."""
    return layer.data[0] if layer.multiscale else layer.data


def render_again(layer: Layer, bbox: BBox, render: Render) -> None:
    """Put what has changed inside ``bbox`` into the data of a layer of `page_data`."""
    page = page_of(layer)
    if isinstance(page, PageLevel):
        page.update(bbox, render)
    else:
        page[window(bbox, (0, 0, 0, 0))] = render(bbox)


@dataclass(frozen=True, slots=True, eq=False)
class PageLevel:
    """Every ``step``-th row and column of a page, as what napari takes for an array.

    Parameters
    ----------
    page : _Page
        The page.
    step : int
        A power of two.
    """

    page: _Page
    step: int

    @property
    def shape(self) -> Shape:
        """Height and width of the level, pixels."""
        return sampled_shape((0, 0, *self.page.shape), self.step)

    @property
    def ndim(self) -> int:
        """Height and width."""
        return 2

    @property
    def size(self) -> int:
        """Number of pixels."""
        return self.shape[0] * self.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of the pixels."""
        return self.page.held.dtype

    def __getitem__(self, key: Any) -> NDArray[Any]:
        """Pixels of the level; two slices without steps make no more than what they name."""
        keys = key if isinstance(key, tuple) else (key, slice(None))
        if len(keys) == 2 and all(isinstance(k, slice) and k.step in (None, 1) for k in keys):
            rows, columns = (
                slice(*k.indices(n)[:2]) for k, n in zip(keys, self.shape, strict=True)
            )
            return self.page.read(rows, columns, self.step)
        whole: NDArray[Any] = np.asarray(self)[key]
        return whole

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the whole level.

        Of a level that is held it is a view, which changes with the page: napari keeps that of
        the coarsest level, for thumbnails and for views of the whole.
        """
        whole = self.page.read(slice(0, self.shape[0]), slice(0, self.shape[1]), self.step)
        return np.array(whole, dtype=dtype, copy=copy)

    def __deepcopy__(self, memo: dict[int, Any]) -> NDArray[Any]:
        """Return the pixels of this moment: a duplicate of the layer is a plain one."""
        whole = memo.get(id(self.page))
        if whole is None:
            whole = np.array(PageLevel(self.page, 1))
            memo[id(self.page)] = whole
        return whole[:: self.step, :: self.step]

    def update(self, bbox: BBox, render: Render) -> None:
        """Render anew what is held of the page inside ``bbox``, and from now on by ``render``."""
        self.page.update(bbox, render)


class _Page:
    """A page whose coarse levels are held, and whose fine ones are rendered when they are read."""

    def __init__(self, shape: Shape, render: Render) -> None:
        self.shape = shape
        self._render = render
        self._step = next(step for step in _steps(shape) if max(shape) <= step * LARGEST_WHOLE)
        #: The finest level that is held.
        self.held = render((0, 0, *shape), self._step)

    def read(self, rows: slice, columns: slice, step: int) -> NDArray[Any]:
        """Pixels of the level of ``step`` in rows and columns of that level."""
        if step >= self._step:
            stride = step // self._step
            return self.held[::stride, ::stride][rows, columns]
        height, width = self.shape
        y1, x1 = min(rows.stop * step, height), min(columns.stop * step, width)
        return self._render((rows.start * step, columns.start * step, y1, x1), step)

    def update(self, bbox: BBox, render: Render) -> None:
        """Render anew what is held inside ``bbox``."""
        self._render = render
        whole = (0, 0, *self.shape)
        windows = sampled_windows(bbox, whole, self._step)
        if windows is not None:
            (rows, columns), target = windows
            start = (bbox[0] + rows.start, bbox[1] + columns.start, bbox[2], bbox[3])
            self.held[target] = self._render(start, self._step)


def _steps(shape: Shape) -> list[int]:
    """Steps of the levels of a large page, from 1 to the one of its coarsest."""
    steps = [1]
    while max(sampled_shape((0, 0, *shape), steps[-1])) > _COARSEST:
        steps.append(2 * steps[-1])
    return steps
