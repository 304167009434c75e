"""Several models that make the draws of one prediction in turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_probinst.core.errors import ModelError
from napari_probinst.core.inference.draws import is_stochastic, realise
from napari_probinst.core.inference.orientation import n_orientations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.inference.draws import Realisation
    from napari_probinst.core.inference.tile_cache import DrawTiles, TileCache
    from napari_probinst.core.network.checkpoint import Model
    from napari_probinst.core.network.device import Runtime

#: Settings that suit the embeddings of one model and not those of another.
OF_THE_MODEL = ("bandwidth", "cluster_threshold", "min_size")


@dataclass(frozen=True, slots=True)
class Turn:
    """One draw of a prediction.

    Parameters
    ----------
    model : Model
        Who makes it.
    draw : int
        Which of the model's draws it is, from 0.
    orientation : int
        How the network sees the image; see `orient`.
    """

    model: Model
    draw: int
    orientation: int

    @property
    def stride(self) -> int:
        """Pixels of the image a side that the network's coarsest level sees as one."""
        return self.model.network.stride * self.model.header.binning

    def realise(self, seed: int, runtime: Runtime, *, thinned: bool = True) -> Realisation:
        """Draw the network: see `realise`."""
        header = self.model.header
        return realise(
            self.model.network,
            seed=seed,
            draw=self.draw,
            runtime=runtime,
            binning=header.binning,
            orientation=self.orientation,
            calibration=header.calibration,
            thinned=thinned,
        )

    def tiles(self, cache: TileCache, shape: Shape) -> DrawTiles:
        """Part of a cache for this draw of an image of ``shape`` (height, width)."""
        return cache.draw(repr((self.model.checksum, self.draw, self.orientation)), shape)


def take_turns(models: Sequence[Model], settings: InferenceConfig) -> list[Turn]:
    """Spread the draws over the models: a first one of each, then a second one of each, ...

    A deterministic network has one draw to give, or one for each orientation where the
    settings ask for flips, so there may be fewer than ``settings.n_draws``.
    """
    coordinates = any(model.header.network.coordinates == "input" for model in models)
    n_ways = n_orientations(common_extent(models), coordinates=coordinates) if settings.flips else 1
    turns = [
        Turn(model, draw, draw % n_ways)
        for draw in range(settings.n_draws)
        for model in models
        if draw < n_ways or is_stochastic(model.network)
    ]
    return turns[: settings.n_draws]


def own_settings(
    model: Model, settings: InferenceConfig, defaults: InferenceConfig
) -> InferenceConfig:
    """Return what the draws of a model are clustered with.

    Where ``settings`` leaves one of `OF_THE_MODEL` at ``defaults``, the model's own value is
    taken; what somebody has changed holds for all models.
    """
    own = {
        name: getattr(model.header.inference, name)
        for name in OF_THE_MODEL
        if getattr(settings, name) == getattr(defaults, name)
    }
    return settings.model_copy(update=own)


def common_extent(models: Sequence[Model]) -> Shape:
    """Height and width, pixels, that every model may see in one piece."""
    heights, widths = zip(*(model.header.extent for model in models), strict=True)
    return min(heights), min(widths)


def check_agreement(models: Sequence[Model]) -> None:
    """Refuse models that can't predict the same images.

    Raises
    ------
    ModelError
        If the models expect different channels, or one is given twice.
    """
    first = models[0]
    for index, model in enumerate(models[1:], start=1):
        if model.header.network.channels != first.header.network.channels:
            raise ModelError(
                f"{model.file_name} expects the channels {_channels(model)}, and "
                f"{first.file_name} {_channels(first)}, or another treatment of their "
                "intensities; use models that were trained with the same channels."
            )
        if model.checksum and model.checksum in {other.checksum for other in models[:index]}:
            raise ModelError(
                f"{model.file_name} is given twice, and its draws would be; name each model once."
            )


def _channels(model: Model) -> str:
    return ", ".join(channel.name for channel in model.header.network.channels)
