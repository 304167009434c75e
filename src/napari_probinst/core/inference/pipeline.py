"""From an image to ranked peaks: all draws, what they agree on, and where they do not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from napari_probinst import __version__
from napari_probinst.core.data.checksum import image_checksum
from napari_probinst.core.inference.composition import compose
from napari_probinst.core.inference.drawing import Drawing
from napari_probinst.core.inference.ensemble import (
    check_agreement,
    common_extent,
    take_turns,
)
from napari_probinst.core.inference.inputs import check_channels, normalised
from napari_probinst.core.inference.overview import Overviews
from napari_probinst.core.inference.resources import Resources
from napari_probinst.core.inference.tile_cache import TileCache, prediction_key
from napari_probinst.core.inference.together import Together
from napari_probinst.core.inference.watch import Watch
from napari_probinst.core.network.device import choose_runtime
from napari_probinst.core.network.memory import keep_freed_memory
from napari_probinst.core.prediction import Provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.errors import OutputError
    from napari_probinst.core.inference.draws import Realisation
    from napari_probinst.core.inference.ensemble import Turn
    from napari_probinst.core.inference.segmentation import TileForeground
    from napari_probinst.core.instances import InstanceSet
    from napari_probinst.core.network.checkpoint import Model
    from napari_probinst.core.network.device import Runtime
    from napari_probinst.core.pixels import Pixels
    from napari_probinst.core.prediction import Prediction

T = TypeVar("T")

#: Realisations that are kept between images; each takes the memory of a network's weights.
_KEPT = 16


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
    together : Together, optional
        Runs the draws of a model at once, as `create` chooses on GPUs; on a processor one after
        the other, each without the channels that it drops, is faster.

    Raises
    ------
    ModelError
        If the models expect different channels, or one is given twice.
    """

    model: Model
    runtime: Runtime
    others: tuple[Model, ...] = ()
    together: Together | None = None
    _realised: dict[tuple[int, int, int, int, Runtime], Realisation] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        check_agreement(self.models)

    @classmethod
    def create(cls, model: Model, device: str = "auto", others: Sequence[Model] = ()) -> Predictor:
        """Predictor on ``device``, or on the best there is."""
        runtime = choose_runtime(device)
        if runtime.device == "cpu":
            keep_freed_memory()
        together = Together(runtime) if runtime.device != "cpu" else None
        return cls(model, runtime, tuple(others), together)

    @property
    def models(self) -> tuple[Model, ...]:
        """All models, in the order in which they take turns."""
        return (self.model, *self.others)

    def n_draws(self, settings: InferenceConfig) -> int:
        """Draws that are worth making; those of deterministic networks are few."""
        return len(take_turns(self.models, settings))

    def draws(
        self,
        channels: Pixels,
        settings: InferenceConfig | None = None,
        present: Sequence[bool] | None = None,
        notify: Callable[[str], None] | None = None,
        *,
        on_tile: Callable[[int, int], None] | None = None,
        cache: TileCache | None = None,
    ) -> Iterator[InstanceSet]:
        """Instances of one draw after the other.

        An image beyond the model's extent is predicted in tiles. Where memory runs out, draws
        that run together are made one by one, then on the CPU, and there in smaller tiles.

        Parameters
        ----------
        channels : array-like of shape (n_channels, height, width)
            Intensities in the model's order: an ndarray, or a Zarr or Dask array or anything
            else that windows can be read from, which is never held as a whole.
        settings : InferenceConfig, optional
            The model's own by default. Draws of other models are clustered with the
            bandwidth, the threshold and the minimum size of those models' headers, except for
            what ``settings`` changes of the first model's.
        present : sequence of bool, optional
            False where a channel is absent.
        notify : callable, optional
            Told in a sentence when memory runs out.
        on_tile : callable, optional
            Called with (tiles done, tiles in all) of the draw that is under way after each of
            its tiles. What it raises ends the prediction.
        cache : TileCache, optional
            Of `tile_cache`: draws and tiles that it holds are not computed again.

        Yields
        ------
        InstanceSet
            Instances of the next draw.
        """
        drawing = self._drawing(channels, settings, present, notify)
        return drawing.instances(on_tile=on_tile, cache=cache)

    def foregrounds(
        self,
        channels: Pixels,
        settings: InferenceConfig | None = None,
        present: Sequence[bool] | None = None,
        notify: Callable[[str], None] | None = None,
    ) -> Iterator[tuple[TileForeground, ...]]:
        """Yield the first half of each draw, which is the same whatever the thresholds.

        Parameters are those of `draws`; what is yielded, `segment_tiles` takes.
        """
        return self._drawing(channels, settings, present, notify).foregrounds()

    def _drawing(
        self,
        channels: Pixels,
        settings: InferenceConfig | None,
        present: Sequence[bool] | None,
        notify: Callable[[str], None] | None,
    ) -> Drawing:
        asked = settings or self.model.header.inference
        windows = normalised(channels, self.model.header.network.channels, present)
        return Drawing(
            Overviews(windows, asked.scale, alike=not asked.flips),
            self.models,
            asked,
            Resources(self.runtime, common_extent(self.models), notify),
            self.realise,
            self.together,
            notify,
        )

    def realise(self, turn: Turn, seed: int, runtime: Runtime) -> Realisation:
        """Return the realisation of a turn: that of every image, so the first ones are kept."""
        key = (id(turn.model), seed, turn.draw, turn.orientation, runtime)
        found = self._realised.get(key)
        if found is None:
            found = turn.realise(seed, runtime)
            if len(self._realised) < _KEPT:
                self._realised[key] = found
        return found

    def tile_cache(
        self,
        folder: Path,
        checksum: str,
        settings: InferenceConfig | None = None,
        present: Sequence[bool] | None = None,
        *,
        on_failure: Callable[[OutputError], None] | None = None,
    ) -> TileCache:
        """Cache in ``folder`` for the draws of one image under these settings.

        Parameters
        ----------
        folder : Path
            For the cache alone; its parent exists.
        checksum : str
            The image's, as `image_checksum` gives it.
        settings, present
            As for `draws`.
        on_failure : callable, optional
            As for `TileCache`.
        """
        key = prediction_key(
            checksum,
            present,
            [model.checksum for model in self.models],
            settings or self.model.header.inference,
        )
        return TileCache(folder, key, on_failure)

    def assemble(
        self,
        draws: Sequence[InstanceSet],
        settings: InferenceConfig | None = None,
        *,
        name: str = "image",
        channels: Pixels | None = None,
        pixel_size: tuple[float, float] | None = None,
        checksum: str = "",
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
        channels : array-like, optional
            The image's intensities, whose checksum the prediction keeps.
        pixel_size : (float, float), optional
            y and x size of a pixel, micrometres.
        checksum : str, optional
            That of the image, where it is known: ``channels`` aren't read then.
        """
        if not checksum and channels is not None:
            checksum = image_checksum(channels)
        return compose(
            draws,
            settings or self.model.header.inference,
            name=name,
            provenance=Provenance(
                image_checksum=checksum,
                model_name=" + ".join(model.file_name for model in self.models),
                model_checksum=" + ".join(model.checksum for model in self.models),
                program=f"napari-probinst {__version__}",
                n_channels=len(self.model.header.network.channels),
            ),
            pixel_size=pixel_size,
        )

    def predict(
        self,
        channels: Pixels,
        settings: InferenceConfig | None = None,
        *,
        name: str = "image",
        present: Sequence[bool] | None = None,
        pixel_size: tuple[float, float] | None = None,
        on_draw: Callable[[int, int], None] | None = None,
        on_tile: Callable[[int, int], None] | None = None,
        cancelled: Callable[[], bool] | None = None,
        notify: Callable[[str], None] | None = None,
        cache_folder: Path | None = None,
    ) -> Prediction:
        """Predict one image.

        Parameters
        ----------
        channels : array-like of shape (n_channels, height, width)
            Intensities in the model's order; see `draws`.
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
        on_tile : callable, optional
            Called with (tiles done, tiles in all) of the draw that is under way after each.
        cancelled : callable, optional
            Asked after each tile and each draw whether to stop.
        notify : callable, optional
            Told in a sentence when memory runs out and the work goes on in another way.
        cache_folder : Path, optional
            Where a prediction in tiles keeps what is finished, so that one that was stopped
            goes on there and gives the same. Remove it, with `TileCache.remove` or
            `remove_cache`, once the result is safe. Its parent exists.

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
        check_channels(channels, self.model.header.network.channels, present)
        watch = Watch(name, self.n_draws(settings), on_draw, on_tile, cancelled)
        draws: list[InstanceSet] = []
        cache, checksum = None, ""
        if cache_folder is not None:
            checksum = image_checksum(channels)
            cache = self.tile_cache(cache_folder, checksum, settings, present)
        for draw in self.draws(
            channels, settings, present, notify, on_tile=watch.end_tile, cache=cache
        ):
            draws.append(draw)
            watch.end_draw()
        return self.assemble(
            draws,
            settings,
            name=name,
            channels=channels,
            pixel_size=pixel_size,
            checksum=checksum,
        )
