"""From an image to ranked peaks: all draws, what they agree on, and where they do not."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from napari_probinst import __version__
from napari_probinst.core.errors import CancelledError, InputError
from napari_probinst.core.inference.composition import compose
from napari_probinst.core.inference.draws import realise
from napari_probinst.core.inference.ensemble import (
    check_agreement,
    common_extent,
    own_settings,
    take_turns,
)
from napari_probinst.core.inference.resources import Resources
from napari_probinst.core.inference.segmentation import see_tiles, segment_image
from napari_probinst.core.network.device import choose_runtime
from napari_probinst.core.network.normalisation import normalise
from napari_probinst.core.prediction import Provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.inference.draws import Realisation
    from napari_probinst.core.inference.ensemble import Turn
    from napari_probinst.core.inference.segmentation import TileForeground
    from napari_probinst.core.instances import InstanceSet
    from napari_probinst.core.network.checkpoint import Model
    from napari_probinst.core.network.device import Runtime
    from napari_probinst.core.prediction import Prediction

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Predictor:
    """A model, or several, ready to predict images.

    The draws are spread over the models: first a draw of each, then a second one of each, and
    so on.

    Parameters
    ----------
    model : Model
        Trained network with its header, whose settings are the defaults.
    runtime : Runtime
        Device and precision.
    others : tuple of Model, default ()
        Further models of an ensemble, for the same channels.

    Raises
    ------
    ModelError
        If the models expect different channels, or one is given twice.
    """

    model: Model
    runtime: Runtime
    others: tuple[Model, ...] = ()

    def __post_init__(self) -> None:
        check_agreement(self.models)

    @classmethod
    def create(cls, model: Model, device: str = "auto", others: Sequence[Model] = ()) -> Predictor:
        """Predictor on ``device``, or on the best there is."""
        return cls(model, choose_runtime(device), tuple(others))

    @property
    def models(self) -> tuple[Model, ...]:
        """All models, in the order in which they take turns."""
        return (self.model, *self.others)

    def n_draws(self, settings: InferenceConfig) -> int:
        """Draws that are worth making; those of deterministic networks are few."""
        return len(take_turns(self.models, settings))

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
            The model's own by default. Draws of other models are clustered with the
            bandwidth, the threshold and the minimum size of those models' headers, except for
            what ``settings`` changes of the first model's.
        present : sequence of bool, optional
            False where a channel is absent.
        notify : callable, optional
            Told in a sentence when memory runs out.

        Yields
        ------
        InstanceSet
            Instances of the next draw.
        """
        asked = settings or self.model.header.inference

        def work(
            normalised: NDArray[np.float32], realisation: Realisation, turn: Turn, extent: Shape
        ) -> InstanceSet:
            own = own_settings(turn.model, asked, self.model.header.inference)
            return segment_image(normalised, realisation, own, extent)

        return self._each_draw(work, channels, asked, present, notify)

    def foregrounds(
        self,
        channels: NDArray[Any],
        settings: InferenceConfig | None = None,
        present: Sequence[bool] | None = None,
        notify: Callable[[str], None] | None = None,
    ) -> Iterator[tuple[TileForeground, ...]]:
        """Yield the first half of each draw, which is the same whatever the thresholds.

        Parameters are those of `draws`; what is yielded, `segment_tiles` takes.
        """

        def work(
            normalised: NDArray[np.float32], realisation: Realisation, turn: Turn, extent: Shape
        ) -> tuple[TileForeground, ...]:
            del turn
            return tuple(see_tiles(normalised, realisation, extent))

        asked = settings or self.model.header.inference
        return self._each_draw(work, channels, asked, present, notify)

    def _each_draw(
        self,
        work: Callable[[NDArray[np.float32], Realisation, Turn, Shape], T],
        channels: NDArray[Any],
        settings: InferenceConfig,
        present: Sequence[bool] | None,
        notify: Callable[[str], None] | None,
    ) -> Iterator[T]:
        normalised = self._normalised(channels, present)
        resources = Resources(self.runtime, common_extent(self.models), notify)

        def make(turn: Turn, runtime: Runtime, extent: Shape) -> T:
            realisation = realise(
                turn.model.network,
                seed=settings.seed,
                draw=turn.draw,
                runtime=runtime,
                binning=turn.model.header.binning,
                orientation=turn.orientation,
            )
            return work(normalised, realisation, turn, extent)

        for turn in take_turns(self.models, settings):
            yield resources.spend(partial(make, turn))

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
        return compose(
            draws,
            settings or self.model.header.inference,
            name=name,
            provenance=Provenance(
                image_checksum="" if channels is None else image_checksum(channels),
                model_name=" + ".join(model.file_name for model in self.models),
                model_checksum=" + ".join(model.checksum for model in self.models),
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


def image_checksum(channels: NDArray[Any]) -> str:
    """SHA-256 of shape, type and pixels, hexadecimal; the same on every machine."""
    pixels = np.ascontiguousarray(channels.astype(channels.dtype.newbyteorder("<"), copy=False))
    digest = hashlib.sha256(f"{pixels.dtype.str} {pixels.shape}".encode())
    digest.update(pixels.data)
    return digest.hexdigest()
