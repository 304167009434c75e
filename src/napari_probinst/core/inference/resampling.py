"""An image at another scale, read window by window, and the way back for instances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from napari_probinst.core.instances import Instance, InstanceSet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape

#: Weights this close to one half are a tie: rounding must not give a pixel to both sides.
_TIE = 1e-6


class Windows(Protocol):
    """Normalised channels, height and width, in memory or not."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of channels, height, width."""
        ...

    def __getitem__(self, key: tuple[slice, slice, slice], /) -> NDArray[np.float32]:
        """Window of all three axes."""
        ...


def resampled_shape(shape: Shape, scale: float) -> Shape:
    """Height and width of an image at ``scale`` times its size, pixels; at least 1 each."""
    height, width = shape
    return max(round(height * scale), 1), max(round(width * scale), 1)


@dataclass(frozen=True, slots=True, eq=False)
class ResampledWindows:
    """An image resampled to another shape, of which only the windows that are asked for are made.

    A pixel is the mean of the area that it covers where the image shrinks (as by `bin_pages`,
    where that is a whole number of pixels), and linearly interpolated where it grows. It
    depends on its place in the whole image alone: windows that overlap agree to the last bit.

    Parameters
    ----------
    windows : Windows
        The image at its own scale.
    size : (int, int)
        Height and width to resample to, pixels.
    """

    windows: Windows
    size: Shape

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of channels, height, width."""
        return (self.windows.shape[0], *self.size)

    def __getitem__(self, key: tuple[slice, slice, slice]) -> NDArray[np.float32]:
        """Window of some channels, rows and columns: three slices without steps."""
        channels, *spans = key
        rows, columns = (
            _Axis.between(n_in, n_out, *span.indices(n_out)[:2])
            for n_in, n_out, span in zip(self.windows.shape[1:], self.size, spans, strict=True)
        )
        read = self.windows[channels, rows.reads, columns.reads]
        return columns.apply(rows.apply(read, axis=1), axis=2)


def resampled(windows: Windows, scale: float) -> Windows:
    """Image at ``scale`` times its size; the same object where that changes nothing."""
    height, width = windows.shape[1:]
    size = resampled_shape((height, width), scale)
    return windows if size == (height, width) else ResampledWindows(windows, size)


def restored(instances: InstanceSet, shape: Shape) -> InstanceSet:
    """Instances of a resampled image in the pixels of the image itself.

    Each mask is resampled by itself, and a pixel belongs to it if the greater part of its
    weight does, so that instances that overlap still do, and those that only touch don't begin
    to. One that has no pixel left is dropped.

    Parameters
    ----------
    instances : InstanceSet
        In the resampled image.
    shape : (int, int)
        Height and width of the image, pixels.
    """
    if instances.shape == shape:
        return instances
    whole = (_restored(instance, instances.shape, shape) for instance in instances.instances)
    return InstanceSet(shape, tuple(instance for instance in whole if instance.mask.any()))


def _restored(instance: Instance, seen: Shape, shape: Shape) -> Instance:
    y0, x0, y1, x1 = instance.bbox
    rows, columns = (
        _Axis.around(n_in, n_out, start, stop)
        for n_in, n_out, start, stop in zip(seen, shape, (y0, x0), (y1, x1), strict=True)
    )
    page = instance.crop(
        (rows.reads.start, columns.reads.start, rows.reads.stop, columns.reads.stop)
    )
    share = columns.apply(rows.apply(page.astype(np.float32), axis=0), axis=1)
    tied = np.abs(share - 0.5) < _TIE
    mask = np.where(tied, page[np.ix_(rows.nearest, columns.nearest)], share > 0.5)
    return Instance.from_mask(mask, (rows.start, columns.start))


@dataclass(frozen=True, slots=True, eq=False)
class _Axis:
    """Pixels of an axis at another scale, each a weighted mean of the axis's own.

    Parameters
    ----------
    start : int
        First of the pixels that are made.
    reads : slice
        Pixels of the axis that they depend on.
    taps : ndarray of int64, shape (n_pixels, n_taps)
        For each, places in ``reads``.
    weights : ndarray of float32, shape (n_pixels, n_taps)
        Their shares, which sum to 1.
    nearest : ndarray of int64, shape (n_pixels,)
        Place in ``reads`` of the pixel that holds the centre of each.
    """

    start: int
    reads: slice
    taps: NDArray[np.int64]
    weights: NDArray[np.float32]
    nearest: NDArray[np.int64]

    @classmethod
    def between(cls, n_in: int, n_out: int, start: int, stop: int) -> _Axis:
        """Pixels ``start`` to ``stop`` of an axis of ``n_in`` pixels resampled to ``n_out``."""
        made = np.arange(start, stop)
        ratio = n_in / n_out
        centres = (made + 0.5) * ratio
        if ratio > 1:
            begin, end = made * ratio, (made + 1) * ratio
            taps = np.floor(begin).astype(np.int64)[:, None] + np.arange(int(np.ceil(ratio)) + 1)
            covered = np.minimum(taps + 1, end[:, None]) - np.maximum(taps, begin[:, None])
            weights = np.maximum(covered, 0) / ratio
        else:
            before = np.floor(centres - 0.5)
            later = centres - 0.5 - before
            taps = before.astype(np.int64)[:, None] + np.arange(2)
            weights = np.stack([1 - later, later], axis=1)
        taps = np.clip(taps, 0, n_in - 1)
        first = int(taps.min(initial=n_in))
        reads = slice(first, max(int(taps.max(initial=0)) + 1, first))
        nearest = np.minimum(np.floor(centres).astype(np.int64), n_in - 1)
        return cls(start, reads, taps - first, weights.astype(np.float32), nearest - first)

    @classmethod
    def around(cls, n_in: int, n_out: int, start: int, stop: int) -> _Axis:
        """All pixels of the resampled axis that depend on ``start`` to ``stop`` of its own."""
        ratio = n_out / n_in
        return cls.between(
            n_in,
            n_out,
            max(int(np.floor((start - 1) * ratio)), 0),
            min(int(np.ceil((stop + 1) * ratio)), n_out),
        )

    def apply(self, pages: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
        """Resample pages that hold what ``reads`` names along an axis."""
        shape = [1] * pages.ndim
        shape[axis] = -1
        # One tap after the other: the sums are the same in whatever window.
        result = sum(
            weights.reshape(shape) * pages.take(taps, axis)
            for taps, weights in zip(self.taps.T, self.weights.T, strict=True)
        )
        return np.asarray(result, dtype=np.float32)
