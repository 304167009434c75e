"""Embeddings computed in the blocks of an image that are asked for, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_probinst.core.inference.orientation import TRANSPOSE, restore, seen_at
from napari_probinst.core.network.unet import EMBEDDING_REACH

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.network.device import Runtime
    from napari_probinst.core.network.unet import UNet

#: Side of a block, pixels: smaller ones have more border, larger ones more background.
SIDE = 32
#: Blocks that go through the network at once.
AT_ONCE = 16
#: With blocks, borders included, of more than this share of the image all of it is as quick.
MOST = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingsInBlocks:
    """One vector a pixel, made by the network's last layers when it is asked for.

    Clustering reads the foreground, a twentieth of a well, and these layers see every pixel in full
    resolution: without the blocks that hold no foreground they take a third of their time.

    Parameters
    ----------
    network : UNet
        The realisation.
    runtime : Runtime
        Where it runs.
    features : Tensor of shape (1, n_features, height, width)
        What it embeds, in its orientation, perhaps padded below and to the right.
    offsets : tuple of Tensor
        What is added to the embeddings, one after the other; see `UNet.offsets`.
    image_shape : (int, int)
        Height and width of the image, pixels.
    orientation : int
        How the network sees the image; see `orient`.
    """

    network: UNet
    runtime: Runtime
    features: Tensor
    offsets: tuple[Tensor, ...]
    image_shape: Shape
    orientation: int

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of dimensions, height and width."""
        return (self.network.head.out_channels, *self.image_shape)

    @torch.inference_mode()
    def at(self, y: NDArray[np.intp], x: NDArray[np.intp]) -> NDArray[np.float32]:
        """Vectors of some pixels, float32 of shape (n_pixels, n_dimensions).

        Parameters
        ----------
        y, x : ndarray of int, shape (n_pixels,)
            Where they are in the image.
        """
        rows, columns = seen_at(y, x, self.image_shape, self.orientation)
        with self.runtime.autocast():
            vectors = self._embedded(rows, columns).float()
        row, column = torch.from_numpy(rows), torch.from_numpy(columns)
        for each in self.offsets:
            page = each[0].float().cpu().expand(-1, *self.features.shape[2:])
            vectors += page[:, row, column].T
        return vectors.numpy()

    @torch.inference_mode()
    def pages(self) -> NDArray[np.float32]:
        """Vectors of all pixels, float32 of shape (n_dimensions, height, width)."""
        with self.runtime.autocast():
            embeddings = self.network.embed(self.features)[0].float()
        for each in self.offsets:
            embeddings += each[0]
        height, width = self.image_shape[:: -1 if self.orientation & TRANSPOSE else 1]
        return restore(embeddings[:, :height, :width].cpu().numpy(), self.orientation)

    def _embedded(self, y: NDArray[np.intp], x: NDArray[np.intp]) -> Tensor:
        """What the network gives at pixels in its own orientation, on the CPU."""
        height, width = self.features.shape[2:]
        high, wide = min(SIDE + 2 * EMBEDDING_REACH, height), min(SIDE + 2 * EMBEDDING_REACH, width)
        n_across = -(-width // SIDE)
        blocks, block = np.unique(y // SIDE * n_across + x // SIDE, return_inverse=True)
        if len(blocks) * high * wide > MOST * height * width:
            page = self.network.embed(self.features)
            return page[0].permute(1, 2, 0)[torch.from_numpy(y), torch.from_numpy(x)].cpu()
        # Each with what is around it; at the image's border the network pads, as it does there.
        top = np.clip(blocks // n_across * SIDE - EMBEDDING_REACH, 0, height - high)
        left = np.clip(blocks % n_across * SIDE - EMBEDDING_REACH, 0, width - wide)
        corners = list(zip(top.tolist(), left.tolist(), strict=True))
        parts = []
        for first in range(0, len(corners), AT_ONCE):
            some = corners[first : first + AT_ONCE]
            batch = torch.empty(
                (len(some), self.features.shape[1], high, wide),
                dtype=self.features.dtype,
                device=self.features.device,
                memory_format=torch.channels_last,
            )
            for window, (y0, x0) in zip(batch, some, strict=True):
                window.copy_(self.features[0, :, y0 : y0 + high, x0 : x0 + wide])
            parts.append(self.network.embed(batch).permute(0, 2, 3, 1).cpu())
        if not parts:
            return torch.zeros(0, self.shape[0])
        inside = torch.from_numpy(y - top[block]), torch.from_numpy(x - left[block])
        return torch.cat(parts)[torch.from_numpy(block), *inside]
