"""Make the draws of one image: in one piece or in tiles, side by side or at once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from napari_probinst.core.inference.ensemble import common_extent, own_settings, take_turns
from napari_probinst.core.inference.parallel import in_order
from napari_probinst.core.inference.resampling import resampled_shape
from napari_probinst.core.inference.resources import Resources, at_once_if_possible
from napari_probinst.core.inference.segmentation import see_tiles, segment_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.inference.draws import Realisation
    from napari_probinst.core.inference.ensemble import Turn
    from napari_probinst.core.inference.overview import Overviews
    from napari_probinst.core.inference.segmentation import TileForeground
    from napari_probinst.core.inference.tile_cache import DrawTiles, TileCache
    from napari_probinst.core.inference.together import Together
    from napari_probinst.core.instances import InstanceSet
    from napari_probinst.core.network.checkpoint import Model
    from napari_probinst.core.network.device import Runtime

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """The draws of one image, as `Predictor.draws` makes them.

    Parameters
    ----------
    image : Overviews
        Its normalised intensities, and what is known of it as a whole.
    models : tuple of Model
        Who makes the draws, in turns.
    settings : InferenceConfig
        What was asked for.
    resources : Resources
        Device and size of tiles.
    realise : callable
        Returns the realisation of a turn, for a seed, on a device.
    together : Together, optional
        Runs the draws of a model at once.
    notify : callable, optional
        Told in a sentence when memory runs out.
    """

    image: Overviews
    models: tuple[Model, ...]
    settings: InferenceConfig
    resources: Resources
    realise: Callable[[Turn, int, Runtime], Realisation]
    together: Together | None = None
    notify: Callable[[str], None] | None = None

    @property
    def shape(self) -> Shape:
        """Height and width of the image, pixels."""
        height, width = self.image.windows.shape[-2:]
        return (height, width)

    @property
    def is_tiled(self) -> bool:
        """Whether the image is larger than the models may see at once."""
        seen = resampled_shape(self.shape, self.settings.scale)
        return any(size > most for size, most in zip(seen, common_extent(self.models), strict=True))

    def instances(
        self,
        *,
        on_tile: Callable[[int, int], None] | None = None,
        cache: TileCache | None = None,
    ) -> Iterator[InstanceSet]:
        """Instances of one draw after the other; see `Predictor.draws`."""
        one_by_one = partial(self._one_by_one, on_tile, cache)
        together = self.together
        if together is None:
            return one_by_one()

        def at_once() -> Iterator[InstanceSet]:
            kept = partial(self._kept, cache)
            return together.draws(self.image, self.models, self.settings, kept, on_tile)

        return at_once_if_possible(at_once, one_by_one, self.notify)

    def foregrounds(self) -> Iterator[tuple[TileForeground, ...]]:
        """First half of one draw after the other; see `Predictor.foregrounds`."""

        def see(realisation: Realisation, turn: Turn, extent: Shape) -> tuple[TileForeground, ...]:
            overview = self.image.of(turn.model, realisation.runtime, extent)
            scale = self.settings.scale
            return tuple(see_tiles(self.image.windows, realisation, extent, scale, overview))

        return self._each(partial(self._spend, see))

    def _one_by_one(
        self, on_tile: Callable[[int, int], None] | None, cache: TileCache | None
    ) -> Iterator[InstanceSet]:
        is_tiled = self.is_tiled

        def segment(realisation: Realisation, turn: Turn, extent: Shape) -> InstanceSet:
            draw = self._kept(cache, turn)
            instances = segment_image(
                self.image.windows,
                realisation,
                own_settings(turn.model, self.settings, self.models[0].header.inference),
                extent,
                overview=self.image.of(turn.model, realisation.runtime, extent),
                store=draw and draw.under(realisation.runtime, extent),
                on_tile=on_tile if is_tiled else None,
            )
            if draw is not None:
                draw.keep_whole(instances)
            return instances

        def find_or_segment(turn: Turn) -> InstanceSet:
            draw = self._kept(cache, turn)
            whole = draw.find_whole() if draw is not None else None
            return whole if whole is not None else self._spend(segment, turn)

        # Of an image in tiles, some of the tiles are worked on at once instead.
        for instances in self._each(find_or_segment, n_at_once=1 if is_tiled else 0):
            if on_tile is not None and not is_tiled:
                on_tile(1, 1)
            yield instances

    def _each(self, work: Callable[[Turn], T], *, n_at_once: int = 0) -> Iterator[T]:
        turns = take_turns(self.models, self.settings)
        # On other devices draws would only wait for each other.
        on_cpu = self.resources.runtime.device == "cpu"
        return in_order(work, turns, n_at_once=n_at_once if on_cpu else 1)

    def _spend(self, work: Callable[[Realisation, Turn, Shape], T], turn: Turn) -> T:
        """Do some work for a turn, with less memory where there isn't enough."""

        def make(runtime: Runtime, extent: Shape) -> T:
            return work(self.realise(turn, self.settings.seed, runtime), turn, extent)

        return self.resources.spend(make)

    def _kept(self, cache: TileCache | None, turn: Turn) -> DrawTiles | None:
        """Where the tiles of a draw are kept, if they are."""
        return turn.tiles(cache, self.shape) if cache is not None and self.is_tiled else None
