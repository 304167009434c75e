"""A plane of an array that is read window by window: the array may be lazy and large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_probinst.core.errors import InputError
from napari_probinst.core.pixels import bands


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """One plane of an array, as the only channel of an image.

    Parameters
    ----------
    name : str
        What it is called when it is refused.
    data : array-like
        Of any number of axes: NumPy, Dask, Zarr, or whatever windows can be read from.
    place : tuple of int or None, length data.ndim
        Index on each axis; None for the two axes of the plane.
    """

    name: str
    data: Any
    place: tuple[int | None, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """1, height and width."""
        height, width = (
            int(n) for n, index in zip(self.data.shape, self.place, strict=True) if index is None
        )
        return (1, height, width)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of the intensities; true and false are 1 and 0, as where files are read."""
        dtype: np.dtype[Any] = np.dtype(self.data.dtype)
        return np.dtype(np.uint8) if dtype.kind == "b" else dtype

    def __getitem__(self, key: tuple[int, slice, slice]) -> Any:
        """Window ``[0, y0:y1, x0:x1]``."""
        spans = iter(key[1:])
        window = np.asarray(
            self.data[tuple(next(spans) if index is None else index for index in self.place)]
        )
        return window.astype(self.dtype, copy=False)

    def check(self) -> None:
        """Refuse values that are no intensities; those of integers need not be read.

        Raises
        ------
        InputError
            If there are NaN or infinite ones.
        """
        if self.dtype.kind != "f":
            return
        if not all(np.isfinite(band).all() for _, band in bands(self, 0)):
            raise InputError(
                f"{self.name} holds NaN or infinite values; replace them by numbers first."
            )


@dataclass(frozen=True, slots=True, eq=False)
class PlaneView:
    """A plane without its axis of channels: read as ``[y0:y1, x0:x1]``.

    Parameters
    ----------
    plane : Plane
        The plane.
    """

    plane: Plane

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.plane.shape[1:]

    def __getitem__(self, key: tuple[slice, slice]) -> Any:
        """Window of rows and columns."""
        rows, columns = key
        return self.plane[0, rows, columns]
