"""Embeddings of all pixels as the network leaves them, of which clustering reads a twentieth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from napari_probinst.core.inference.orientation import restore

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor


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
    """One vector a pixel, made when it is asked for.

    Pages of float32 that nobody reads would take longer than all the ReLUs of the network.

    Parameters
    ----------
    values : ndarray of float32 or uint16, shape (n_dimensions, height, width)
        What the convolutions give; as uint16 the bits of bfloat16, which NumPy doesn't have.
    offsets : sequence of ndarray of float32, each broadcast to that shape
        Added to them one after the other: what coordinates are worth.
    """

    values: NDArray[Any]
    offsets: tuple[NDArray[np.float32], ...] = ()

    @classmethod
    def of(
        cls,
        values: Tensor,
        offsets: tuple[Tensor, ...],
        shape: tuple[int, int],
        orientation: int,
    ) -> Embeddings:
        """Take the embeddings of an image from what the network says of it.

        Parameters
        ----------
        values : Tensor of shape (n_dimensions, height, width)
            In the orientation of the network, perhaps padded below and to the right.
        offsets : tuple of Tensor
            As for the class, in that orientation.
        shape : (int, int)
            Height and width of the image in that orientation, pixels.
        orientation : int
            How the network sees the image; see `orient`.
        """
        height, width = shape
        pages = values[:, :height, :width].cpu()
        bits = pages.view(torch.int16) if pages.dtype == torch.bfloat16 else pages.float()
        array = bits.numpy()
        return cls(
            restore(array.view(np.uint16) if array.dtype == np.int16 else array, orientation),
            tuple(
                restore(each[:, :height, :width].float().cpu().numpy(), orientation)
                for each in offsets
            ),
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of dimensions, height and width."""
        return self.values.shape

    def at(self, y: NDArray[np.intp], x: NDArray[np.intp]) -> NDArray[np.float32]:
        """Vectors of some pixels; see `Vectors`."""
        vectors = widened(np.moveaxis(self.values, 0, -1)[y, x])
        for each in self.offsets:
            vectors += np.moveaxis(np.broadcast_to(each, self.shape), 0, -1)[y, x]
        return vectors

    def pages(self) -> NDArray[np.float32]:
        """Vectors of all pixels; see `Vectors`."""
        pages = widened(self.values)
        for each in self.offsets:
            pages += each
        return pages


def widened(values: NDArray[Any]) -> NDArray[np.float32]:
    """As float32, in memory of its own: bfloat16 are its upper 16 bits."""
    if values.dtype != np.uint16:
        return values.astype(np.float32)
    return (values.astype(np.uint32) << 16).view(np.float32)
