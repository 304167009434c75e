"""From an image to ranked peaks: all draws, what they agree on, and where they do not."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from napari_probinst import __version__
from napari_probinst.core.data.checksum import image_checksum
from napari_probinst.core.inference.composition import compose
from napari_probinst.core.inference.ensemble import (
    check_agreement,
    common_extent,
    own_settings,
    take_turns,
)
from napari_probinst.core.inference.inputs import check_channels, normalised
from napari_probinst.core.inference.overview import Overviews
from napari_probinst.core.inference.parallel import in_order
from napari_probinst.core.inference.resampling import resampled_shape
from napari_probinst.core.inference.resources import Resources, at_once_if_possible
from napari_probinst.core.inference.segmentation import see_tiles, segment_image
from napari_probinst.core.inference.tile_cache import TileCache, prediction_key
from napari_probinst.core.inference.together import Together
from napari_probinst.core.inference.watch import Watch
from napari_probinst.core.network.device import choose_runtime
from napari_probinst.core.network.memory import keep_freed_memory
from napari_probinst.core.prediction import Provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.inference.draws import Realisation
    from napari_probinst.core.inference.ensemble import Turn
    from napari_probinst.core.inference.segmentation import TileForeground
    from napari_probinst.core.inference.tile_cache import DrawTiles
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
        asked = settings or self.model.header.inference
        height, width = channels.shape[-2:]
        extent = common_extent(self.models)
        seen = resampled_shape((height, width), asked.scale)
        is_tiled = seen[0] > extent[0] or seen[1] > extent[1]

        def kept(turn: Turn) -> DrawTiles | None:
            return turn.tiles(cache, (height, width)) if cache is not None and is_tiled else None

        def work(
            image: Overviews, realisation: Realisation, turn: Turn, extent: Shape
        ) -> InstanceSet:
            own = own_settings(turn.model, asked, self.model.header.inference)
            draw = kept(turn)
            store = draw and draw.under(realisation.runtime, extent)
            instances = segment_image(
                image.windows,
                realisation,
                own,
                extent,
                overview=image.of(turn.model, realisation.runtime, extent),
                store=store,
                on_tile=on_tile,
            )
            if draw is not None:
                draw.keep_whole(instances)
            return instances

        def known(turn: Turn) -> InstanceSet | None:
            draw = kept(turn)
            return draw.find_whole() if draw is not None else None

        def one_by_one() -> Iterator[InstanceSet]:
            # Of an image in tiles, some of the tiles are worked on at once.
            n_at_once = 1 if is_tiled else 0
            return self._each_draw(
                work, channels, asked, present, notify, known=known, n_at_once=n_at_once
            )

        together = self.together
        if together is None:
            return one_by_one()

        def at_once() -> Iterator[InstanceSet]:
            image = self._image(channels, asked, present)
            return together.draws(image, self.models, asked, kept, on_tile)

        return at_once_if_possible(at_once, one_by_one, notify)

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

        def work(
            image: Overviews, realisation: Realisation, turn: Turn, extent: Shape
        ) -> tuple[TileForeground, ...]:
            overview = image.of(turn.model, realisation.runtime, extent)
            return tuple(see_tiles(image.windows, realisation, extent, asked.scale, overview))

        asked = settings or self.model.header.inference
        return self._each_draw(work, channels, asked, present, notify)

    def _each_draw(
        self,
        work: Callable[[Overviews, Realisation, Turn, Shape], T],
        channels: Pixels,
        settings: InferenceConfig,
        present: Sequence[bool] | None,
        notify: Callable[[str], None] | None,
        *,
        known: Callable[[Turn], T | None] | None = None,
        n_at_once: int = 0,
    ) -> Iterator[T]:
        image = self._image(channels, settings, present)
        resources = Resources(self.runtime, common_extent(self.models), notify)

        def make(turn: Turn, runtime: Runtime, extent: Shape) -> T:
            return work(image, self.realise(turn, settings.seed, runtime), turn, extent)

        def draw(turn: Turn) -> T:
            found = known(turn) if known is not None else None
            return found if found is not None else resources.spend(partial(make, turn))

        turns = take_turns(self.models, settings)
        at_once = n_at_once if self.runtime.device == "cpu" else 1
        return in_order(draw, turns, n_at_once=at_once)

    def _image(
        self, channels: Pixels, settings: InferenceConfig, present: Sequence[bool] | None
    ) -> Overviews:
        expected = self.model.header.network.channels
        return Overviews(normalised(channels, expected, present), settings.scale)

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
        """
        key = prediction_key(
            checksum,
            present,
            [model.checksum for model in self.models],
            settings or self.model.header.inference,
        )
        return TileCache(folder, key)

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
