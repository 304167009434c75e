"""Draws from the posterior: realisations of the network's weights, applied to an image."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from napari_probinst.core.inference.embedding_blocks import EmbeddingsInBlocks
from napari_probinst.core.inference.embeddings import Embeddings
from napari_probinst.core.inference.orientation import TRANSPOSE, orient, restore
from napari_probinst.core.network.concrete_dropout import (
    apply_masks,
    sample_masks,
    stochastic_layers,
)
from napari_probinst.core.network.coordinates import coordinate_channels
from napari_probinst.core.network.normalisation import ABSENT
from napari_probinst.core.network.one_step import merge_steps
from napari_probinst.core.network.thinning import thin

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.inference.embeddings import Vectors
    from napari_probinst.core.inference.first_layer import FirstLayer
    from napari_probinst.core.network.calibration import Calibration
    from napari_probinst.core.network.device import Runtime
    from napari_probinst.core.network.unet import UNet


@dataclass(frozen=True, slots=True, eq=False)
class PixelPrediction:
    """What one realisation says of each pixel.

    Parameters
    ----------
    vectors : Vectors
        Embeddings, of shape (dimensions, height, width): close together within an instance, far
        apart between instances.
    classes : ndarray of float32, shape (3, height, width)
        Probabilities of background, foreground and overlap; they sum to 1.
    """

    vectors: Vectors
    classes: NDArray[np.float32]

    @property
    def embeddings(self) -> NDArray[np.float32]:
        """Embeddings of all pixels, float32 of shape (dimensions, height, width)."""
        return self.vectors.pages()


@dataclass(frozen=True, slots=True, eq=False)
class Overview:
    """What a network is to know of an image beforehand.

    Parameters
    ----------
    context : Tensor of float32, shape (1, filters, 1, 1), optional
        Global context (`UNet.context_of`) of an image that is seen in tiles, on the CPU, where
        the network reads one.
    share : float, optional
        Of foreground in such an image, before calibration, where there is one; 0 to 1.
    first : FirstLayer, optional
        Of an image that all draws see as a whole, and in one orientation.
    """

    context: Tensor | None = None
    share: float | None = None
    first: FirstLayer | None = None


#: What is known beforehand of an image that is seen as a whole.
NOTHING_ELSE = Overview()
#: Returns what is known of an image; called when that is needed.
LookOver = Callable[[], Overview]


def of_itself() -> Overview:
    """Nothing: an image that is seen as a whole tells by itself."""
    return NOTHING_ELSE


@dataclass(frozen=True, slots=True, eq=False)
class Realisation:
    """One network of the posterior, always the same for the same seed and draw.

    It is an ordinary deterministic network that can be applied to any number of images and
    tiles, in any order.

    Parameters
    ----------
    network : UNet
        Network with masked weights and no dropout.
    runtime : Runtime
        Where it runs.
    binning : int, default 1
        Pixels of the image a side that make one pixel of ``channels``; coordinates count the
        image's own.
    orientation : int, default 0
        How the network sees the image; see `orient`.
    calibration : Calibration, optional
        What corrects its class map, page by page.
    """

    network: UNet
    runtime: Runtime
    binning: int = 1
    orientation: int = 0
    calibration: Calibration | None = None

    @property
    def stride(self) -> int:
        """Pixels of the image a side that the network's coarsest level sees as one."""
        return self.network.stride * self.binning

    @torch.inference_mode()
    def apply(
        self,
        channels: NDArray[np.float32],
        origin: tuple[float, float] | None = None,
        overview: Overview = NOTHING_ELSE,
    ) -> PixelPrediction:
        """Predict the pixels of an image or a tile.

        Parameters
        ----------
        channels : ndarray of float32, shape (n_channels, height, width)
            Normalised intensities; any height and width.
        origin : (float, float), optional
            y, x of the top left pixel that the network sees, pixels of ``channels`` from the
            middle of the trained extent. By default the image lies in the middle.
        overview : Overview, optional
            Of the image that a tile is a part of.

        Returns
        -------
        PixelPrediction
            Of the same height and width, in the image's own orientation.
        """
        batch = self.entering(channels, origin)
        with self.runtime.autocast():
            first = self.first_in(overview, batch)
            features, logits = self.network.classify(batch, self.context_in(overview), first)
            if logits is None:
                embeddings, logits = self.network.finish(batch, features, logits)
                return self.leaving(embeddings, logits, channels.shape[1:], overview.share)
            offsets = self.network.offsets(batch)
        classes = self._classes(logits, channels.shape[1:], overview.share)
        vectors = EmbeddingsInBlocks(
            self.network, self.runtime, features, offsets or (), classes.shape[1:], self.orientation
        )
        return PixelPrediction(vectors, classes)

    def context_in(self, overview: Overview) -> Tensor | None:
        """Global context that the network is given, on its device; None where it is to look."""
        context = overview.context
        return None if context is None else context.to(self.runtime.device)

    def first_in(self, overview: Overview, batch: Tensor) -> Tensor | None:
        """Output of the first layer that all draws share; None where each computes its own."""
        return None if overview.first is None else overview.first.of(self.network, batch)

    def entering(
        self, channels: NDArray[np.float32], origin: tuple[float, float] | None = None
    ) -> Tensor:
        """Batch of one that the network is given: oriented, padded, with its coordinates.

        Parameters are those of `apply`; of shape (1, n_channels [+ 2], height, width) in the
        orientation of the network, on its device.
        """
        oriented = orient(channels, self.orientation)
        height, width = oriented.shape[1:]
        stride = self.network.stride
        bottom, right = -height % stride, -width % stride
        image = torch.nn.functional.pad(
            torch.from_numpy(oriented), (0, right, 0, bottom), value=ABSENT
        )
        if self.network.config.coordinates != "none":
            if origin is None:
                origin = (-(height + bottom) / 2, -(width + right) / 2)
            grid = coordinate_channels(height + bottom, width + right, origin)
            image = torch.cat([image, grid * self.binning])
        return image[None].to(self.runtime.device, memory_format=torch.channels_last)

    def leaving(
        self, embeddings: Tensor, logits: Tensor, shape: Shape, share: float | None = None
    ) -> PixelPrediction:
        """What the network says of an image of ``shape`` (height, width), in its orientation.

        Parameters
        ----------
        embeddings, logits : Tensor of shape (1, n, height, width)
            As the network gives them for `entering`.
        shape : (int, int)
            Height and width of the image, pixels.
        share : float, optional
            Of foreground, for the calibration; that of these pixels by default.
        """
        height, width = shape[::-1] if self.orientation & TRANSPOSE else shape
        pages = embeddings[0, :, :height, :width].float().cpu().numpy()
        vectors = Embeddings(restore(pages, self.orientation))
        return PixelPrediction(vectors, self._classes(logits, shape, share))

    def _classes(
        self, logits: Tensor, shape: Shape, share: float | None = None
    ) -> NDArray[np.float32]:
        height, width = shape[::-1] if self.orientation & TRANSPOSE else shape
        classes = logits[0, :, :height, :width].float().softmax(dim=0).contiguous().cpu().numpy()
        if self.calibration is not None:
            classes = self.calibration.apply(classes, share)
        return restore(classes, self.orientation)


def realise(
    network: UNet,
    *,
    seed: int,
    draw: int,
    runtime: Runtime,
    binning: int = 1,
    orientation: int = 0,
    calibration: Calibration | None = None,
    thinned: bool = True,
) -> Realisation:
    """Draw number ``draw`` of the posterior over weights.

    Parameters
    ----------
    network : UNet
        Trained network; it stays as it is.
    seed : int
        Seed of all draws.
    draw : int
        Number of the draw, from 0.
    runtime : Runtime
        Where the realisation is to run.
    binning : int, default 1
        Pixels of the image a side that the network sees as one.
    orientation : int, default 0
        How it sees the image; see `orient`.
    calibration : Calibration, optional
        The model's, if it has one.
    thinned : bool, default True
        Leave out the channels that the draw drops. They have weight zero otherwise, and all
        draws have the same shapes.

    Returns
    -------
    Realisation
        With masks drawn on the CPU, so that they are the same on every device.
    """
    state = np.random.SeedSequence((seed, draw)).generate_state(1, np.uint64)
    generator = torch.Generator().manual_seed(int(state[0] >> np.uint64(1)))
    realised = copy.deepcopy(network).eval()
    apply_masks(realised, sample_masks(realised, generator))
    if thinned:
        thin(realised)
    # Draws of the same shapes are there to be mapped over.
    placed = _placed(realised, runtime, merged=thinned)
    return Realisation(placed, runtime, binning, orientation, calibration)


def mean_network(
    network: UNet, *, runtime: Runtime, binning: int = 1, calibration: Calibration | None = None
) -> Realisation:
    """Network of the posterior's mean weights, which draws nothing.

    Parameters are those of `realise`.
    """
    placed = _placed(copy.deepcopy(network).eval(), runtime, merged=True)
    return Realisation(placed, runtime, binning, calibration=calibration)


def _placed(network: UNet, runtime: Runtime, *, merged: bool) -> UNet:
    """The network on its device, and on a processor with its steps merged if that is wanted."""
    placed: UNet = network.to(runtime.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if merged and runtime.device == "cpu":
        merge_steps(placed, bfloat16=runtime.bfloat16)
    return placed


def is_stochastic(network: UNet) -> bool:
    """Whether draws of this network can differ."""
    return bool(stochastic_layers(network))
