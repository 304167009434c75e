"""From an image to ranked peaks: the one module that knows all stages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_probinst import __version__
from napari_probinst.core.errors import CancelledError, InputError
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.clustering import cluster
from napari_probinst.core.inference.draws import is_stochastic, realise
from napari_probinst.core.inference.overlaps import resolve_overlaps
from napari_probinst.core.inference.ranking import rank_peaks
from napari_probinst.core.inference.stitching import stitch
from napari_probinst.core.inference.tiling import tile_layout
from napari_probinst.core.instances import Instance, InstanceSet, bin_pages, enlarged
from napari_probinst.core.network.device import Runtime, choose_runtime
from napari_probinst.core.network.normalisation import normalise
from napari_probinst.core.network.unet import BACKGROUND, FOREGROUND, OVERLAP
from napari_probinst.core.prediction import Prediction, Provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.inference.draws import PixelPrediction, Realisation
    from napari_probinst.core.instances import Shape
    from napari_probinst.core.network.checkpoint import Model

#: Tiles are not halved below this many pixels a side: no worm would fit.
_SMALLEST_TILE = 128


@dataclass(frozen=True, slots=True)
class Predictor:
    """A model ready to predict images.

    Parameters
    ----------
    model : Model
        Trained network with its header.
    runtime : Runtime
        Device and precision.
    """

    model: Model
    runtime: Runtime

    @classmethod
    def create(cls, model: Model, device: str = "auto") -> Predictor:
        """Predictor on ``device``, or on the best there is."""
        return cls(model, choose_runtime(device))

    def n_draws(self, settings: InferenceConfig) -> int:
        """Draws that are worth making: one, where the network is deterministic."""
        return settings.n_draws if is_stochastic(self.model.network) else 1

    def draws(
        self,
        channels: NDArray[Any],
        settings: InferenceConfig | None = None,
        present: Sequence[bool] | None = None,
        notify: Callable[[str], None] | None = None,
    ) -> Iterator[InstanceSet]:
        """Instances of one draw after the other.

        An image beyond the model's extent is predicted in tiles. Where memory runs out, the
        draw is made again on the CPU, and there in smaller tiles.

        Parameters
        ----------
        channels : ndarray of shape (n_channels, height, width)
            Intensities in the model's order.
        settings : InferenceConfig, optional
            The model's own by default.
        present : sequence of bool, optional
            False where a channel is absent.
        notify : callable, optional
            Told in a sentence when memory runs out.

        Yields
        ------
        InstanceSet
            Instances of the next draw.
        """
        settings = settings or self.model.header.inference
        normalised = self._normalised(channels, present)
        resources = _Resources(self.runtime, self.model.header.extent, notify)
        for draw in range(self.n_draws(settings)):
            yield resources.spend(partial(self._draw, normalised, settings, draw))

    def _draw(
        self,
        normalised: NDArray[np.float32],
        settings: InferenceConfig,
        draw: int,
        runtime: Runtime,
        extent: Shape,
    ) -> InstanceSet:
        realisation = realise(
            self.model.network,
            seed=settings.seed,
            draw=draw,
            runtime=runtime,
            binning=self.model.header.binning,
        )
        return segment_image(normalised, realisation, settings, extent)

    def assemble(
        self,
        draws: Sequence[InstanceSet],
        settings: InferenceConfig | None = None,
        *,
        name: str = "image",
        channels: NDArray[Any] | None = None,
        pixel_size: tuple[float, float] | None = None,
    ) -> Prediction:
        """Agglomerate draws and rank their peaks.

        Parameters
        ----------
        draws : sequence of InstanceSet
            At least one.
        settings : InferenceConfig, optional
            The model's own by default.
        name : str, default "image"
            Name of the image.
        channels : ndarray, optional
            The image's intensities, whose checksum the prediction keeps.
        pixel_size : (float, float), optional
            y and x size of a pixel, micrometres.
        """
        settings = settings or self.model.header.inference
        instances = agglomerate(draws)
        return Prediction(
            name=name,
            instances=instances,
            peaks=rank_peaks(instances, settings.patch, settings.probability_threshold),
            settings=settings.model_copy(update={"n_draws": len(draws)}),
            provenance=Provenance(
                image_checksum="" if channels is None else image_checksum(channels),
                model_name=self.model.file_name,
                model_checksum=self.model.checksum,
                program=f"napari-probinst {__version__}",
            ),
            pixel_size=pixel_size,
        )

    def predict(
        self,
        channels: NDArray[Any],
        settings: InferenceConfig | None = None,
        *,
        name: str = "image",
        present: Sequence[bool] | None = None,
        pixel_size: tuple[float, float] | None = None,
        on_draw: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        notify: Callable[[str], None] | None = None,
    ) -> Prediction:
        """Predict one image.

        Parameters
        ----------
        channels : ndarray of shape (n_channels, height, width)
            Intensities in the model's order.
        settings : InferenceConfig, optional
            The model's own by default.
        name : str, default "image"
            Name of the image.
        present : sequence of bool, optional
            False where a channel is absent.
        pixel_size : (float, float), optional
            y and x size of a pixel, micrometres.
        on_draw : callable, optional
            Called with (draws done, draws in all) after each.
        cancelled : callable, optional
            Asked after each draw whether to stop.
        notify : callable, optional
            Told in a sentence when memory runs out and the work goes on in another way.

        Returns
        -------
        Prediction

        Raises
        ------
        InputError
            If the image doesn't fit the model.
        CancelledError
            If ``cancelled`` said so.
        """
        settings = settings or self.model.header.inference
        total = self.n_draws(settings)
        draws: list[InstanceSet] = []
        for draw in self.draws(channels, settings, present, notify):
            draws.append(draw)
            if on_draw is not None:
                on_draw(len(draws), total)
            if cancelled is not None and cancelled():
                raise CancelledError(f"Stopped after {len(draws)} of {total} draws of {name}.")
        return self.assemble(draws, settings, name=name, channels=channels, pixel_size=pixel_size)

    def _normalised(
        self, channels: NDArray[Any], present: Sequence[bool] | None
    ) -> NDArray[np.float32]:
        expected = self.model.header.network.channels
        if channels.ndim != 3 or len(channels) != len(expected):
            names = ", ".join(channel.name for channel in expected)
            raise InputError(
                f"The model expects {len(expected)} channels ({names}), "
                f"and the image has the shape {channels.shape}."
            )
        if present is not None:
            for channel, there in zip(expected, present, strict=True):
                if channel.required and not there:
                    raise InputError(
                        f"The model was not trained to do without the channel '{channel.name}'; "
                        "give an image for it."
                    )
        return normalise(channels, expected, present)


class _Resources:
    """Device and tile size in use; both shrink when memory runs out, and stay so."""

    def __init__(
        self, runtime: Runtime, extent: Shape, notify: Callable[[str], None] | None
    ) -> None:
        self._runtime = runtime
        self._extent = extent
        self._notify = notify

    def spend(self, work: Callable[[Runtime, Shape], InstanceSet]) -> InstanceSet:
        """Do ``work``, with less memory each time that there isn't enough."""
        while True:
            try:
                return work(self._runtime, self._extent)
            except (MemoryError, RuntimeError) as error:
                if not _is_out_of_memory(error) or not self._shrink():
                    raise

    def _shrink(self) -> bool:
        if self._runtime.device != "cpu":
            message = f"{self._runtime.device} ran out of memory; going on on the CPU."
            self._runtime = choose_runtime("cpu")
        elif min(self._extent) >= 2 * _SMALLEST_TILE:
            self._extent = (self._extent[0] // 2, self._extent[1] // 2)
            message = (
                "Memory ran out; going on in tiles of "
                f"{self._extent[0]} x {self._extent[1]} pixels."
            )
        else:
            return False
        if self._notify is not None:
            self._notify(message)
        return True


def _is_out_of_memory(error: MemoryError | RuntimeError) -> bool:
    # The CPU's allocator raises a plain RuntimeError that only its text tells from others.
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        "can't allocate memory" in str(error) or "not enough memory" in str(error)
    )


def segment_image(
    channels: NDArray[np.float32],
    realisation: Realisation,
    settings: InferenceConfig,
    extent: Shape,
) -> InstanceSet:
    """Instances of one draw: in one piece, or tile by tile where the image exceeds ``extent``."""
    height, width = channels.shape[1:]
    stride = realisation.network.stride * realisation.binning
    # A network that was trained on less than this still needs room between the halos.
    least = max(2 * stride, 4)
    extent = (max(extent[0], least), max(extent[1], least))
    tiles = tile_layout((height, width), extent, stride=stride)
    if len(tiles) == 1:
        return segment_tile(channels, realisation, settings)
    parts = []
    for tile in tiles:
        y0, x0, y1, x1 = tile.outer
        parts.append((tile, segment_tile(channels[:, y0:y1, x0:x1], realisation, settings)))
    return stitch(parts, (height, width))


def segment_tile(
    channels: NDArray[np.float32], realisation: Realisation, settings: InferenceConfig
) -> InstanceSet:
    """Instances of one draw in an image, or a tile, that goes through the network at once."""
    factor = realisation.binning
    if factor == 1:
        return segment(realisation.apply(channels), settings)
    height, width = channels.shape[1:]
    whole = np.pad(channels, ((0, 0), (0, -height % factor), (0, -width % factor)), mode="edge")
    binned = segment(
        realisation.apply(bin_pages(whole, factor)),
        settings.model_copy(update={"min_size": settings.min_size // factor**2}),
    )
    page = (0, 0, height, width)
    instances = (enlarged(instance, factor) for instance in binned.instances)
    return InstanceSet(
        (height, width),
        tuple(Instance.from_mask(instance.crop(page)) for instance in instances),
    )


def segment(pixels: PixelPrediction, settings: InferenceConfig) -> InstanceSet:
    """Instances of one draw: clusters of embeddings, completed by the overlaps."""
    background, overlap = pixels.classes[BACKGROUND], pixels.classes[OVERLAP]
    foreground = background <= 0.5
    overlapping = foreground & (overlap > pixels.classes[FOREGROUND])
    labels = cluster(
        pixels.embeddings,
        foreground & ~overlapping,
        bandwidth=settings.bandwidth,
        threshold=settings.cluster_threshold,
        min_size=settings.min_size,
        n_seeds=settings.n_seeds,
        bridge=overlapping,
    )
    return resolve_overlaps(labels, overlapping)


def image_checksum(channels: NDArray[Any]) -> str:
    """SHA-256 of shape, type and pixels, hexadecimal; the same on every machine."""
    pixels = np.ascontiguousarray(channels.astype(channels.dtype.newbyteorder("<"), copy=False))
    digest = hashlib.sha256(f"{pixels.dtype.str} {pixels.shape}".encode())
    digest.update(pixels.data)
    return digest.hexdigest()
