"""Image layers that are predicted one after the other, each draw told as it is made."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_probinst.core.data.flattening import exported_instances
from napari_probinst.core.errors import CancelledError, OutputError, ProbinstError
from napari_probinst.core.inference.nothing import why_nothing
from napari_probinst.core.inference.scale import misfit
from napari_probinst.widgets.prediction.channels import read_channels
from napari_probinst.widgets.prediction.events import Ended, Noted, Progress, Sharpened
from napari_probinst.widgets.prediction.glimpse import Glimpse
from napari_probinst.widgets.prediction.words import doubt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.inference.pipeline import Predictor
    from napari_probinst.core.inference.tile_cache import TileCache
    from napari_probinst.core.instances import InstanceSet
    from napari_probinst.core.pixels import Pixels
    from napari_probinst.widgets.prediction.channels import ChannelSource
    from napari_probinst.widgets.prediction.events import Talk

#: Share of a prediction's time that looking at its first draws may take, and seconds between two
#: looks: the canvas has to be drawn as well.
_MOST_TIME, _PAUSE = 0.1, 0.3


@dataclass(frozen=True, slots=True, eq=False)
class LayerImage:
    """An image in the viewer.

    Parameters
    ----------
    name : str
        Name of the image.
    sources : tuple of ChannelSource or None
        Where the model's channels are; None for one that is absent.
    pixel_size : (float, float) or None
        y and x size of a pixel, micrometres.
    """

    name: str
    sources: tuple[ChannelSource | None, ...]
    pixel_size: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LayerQueue:
    """Images in the viewer that are predicted by one model.

    Parameters
    ----------
    model : Path
        Model file.
    device : str
        "auto", "cpu", "cuda" or "mps".
    settings : InferenceConfig
        Draws and thresholds.
    images : tuple of LayerImage
        In their order.
    """

    model: Path
    device: str
    settings: InferenceConfig
    images: tuple[LayerImage, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the images."""
        return tuple(image.name for image in self.images)

    def run(self, talk: Talk) -> None:
        """Predict all images; see `ImageQueue.run`."""
        # torch comes with these, and not when the dock opens.
        from napari_probinst.core.inference.pipeline import Predictor
        from napari_probinst.core.network.checkpoint import load_model

        predictor = Predictor.create(load_model(self.model), self.device)
        for index in range(len(self.images)):
            kept = _Kept()
            try:
                talk.check(index)
                talk.tell(self._predict(predictor, index, talk, kept))
            except CancelledError:
                # After Rescale the form may say another scale, at which nothing is kept.
                scale = self.settings.scale
                run = "Run" if scale == 1 else f"Run at scale {scale:g}"
                text = f"Cancelled; what is finished is kept: {run} goes on there."
                talk.tell(Ended(index, "cancelled", text if kept.is_whole else ""))
            except ProbinstError as error:
                talk.tell(Ended(index, "refused", str(error)))
            except OSError as error:
                # The file of a lazy layer; those of the other images are there.
                text = f"'{self.names[index]}' can't be read: {error}"
                talk.tell(Ended(index, "refused", text))

    def _predict(self, predictor: Predictor, index: int, talk: Talk, kept: _Kept) -> Ended:
        image, settings = self.images[index], self.settings
        channels, present = read_channels(image.sources, predictor.model.header.network.channels)
        n_draws = predictor.n_draws(settings)
        draws: list[InstanceSet] = []
        glimpses = _Glimpses(settings)

        def count(tiles: int = 0, n_tiles: int = 1) -> None:
            talk.check(index)
            talk.tell(Progress(index, len(draws), n_draws, tiles, n_tiles, glimpses.n_found))

        def note(text: str) -> None:
            talk.tell(Noted(index, text))

        count()
        kept.begin(predictor, channels, settings, present, note)
        talk.check(index)
        for draw in predictor.draws(
            channels, settings, present, note, on_tile=count, cache=kept.tiles
        ):
            draws.append(draw)
            talk.check(index)
            if len(draws) < n_draws and (seen := glimpses.look(draws)) is not None:
                talk.tell(Sharpened(index, seen))
            count()
        prediction = predictor.assemble(
            draws,
            settings,
            name=image.name,
            channels=channels,
            pixel_size=image.pixel_size,
            checksum=kept.checksum,
        )
        kept.remove(note)
        width = predictor.model.header.object_width
        odd = misfit(prediction, width)
        text = doubt(odd)
        if not exported_instances(prediction):
            text = why_nothing(channels, present, width / settings.scale)
        return Ended(index, "done", text, prediction, odd)


@dataclass(slots=True)
class _Kept:
    """What is kept of an image in tiles until it is finished; nothing of others."""

    tiles: TileCache | None = None
    checksum: str = ""
    #: Whether all that is finished is kept.
    is_whole: bool = False

    def begin(
        self,
        predictor: Predictor,
        channels: Pixels,
        settings: InferenceConfig,
        present: tuple[bool, ...],
        note: Callable[[str], None],
    ) -> None:
        """Look for what was kept, if the image is seen in tiles."""
        from napari_probinst.core.data.checksum import image_checksum
        from napari_probinst.core.inference.tiles_apart import tile_counts
        from napari_probinst.widgets.prediction.kept_tiles import kept_tiles

        height, width = channels.shape[-2:]
        if tile_counts(predictor, (height, width), settings):
            self.checksum = image_checksum(channels)
            self.is_whole = True

            def lose(text: str) -> None:
                self.is_whole = False
                note(text)

            self.tiles = kept_tiles(predictor, self.checksum, settings, present, lose)

    def remove(self, note: Callable[[str], None]) -> None:
        """Remove it: the image is finished."""
        if self.tiles is None:
            return
        try:
            self.tiles.remove()
        except OutputError as error:
            note(f"What was kept in case it is cancelled can't be removed: {error}")


@dataclass(slots=True)
class _Glimpses:
    """Looks at the draws of an image before all are there, as long as that costs little.

    Large slides aren't left out: a look takes seconds there, and a draw minutes. Beside the
    result it needs memory for the instances of two looks, and no page beyond a few megapixels.
    """

    settings: InferenceConfig
    last: Glimpse | None = None
    _began: float = field(default_factory=time.perf_counter)
    _looked: float = -math.inf
    _spent: float = 0.0

    @property
    def n_found(self) -> int | None:
        """Instances at the last look."""
        return None if self.last is None else self.last.n_found

    def look(self, draws: Sequence[InstanceSet]) -> Glimpse | None:
        """What the draws agree on; None where earlier looks have taken their share of time."""
        now = time.perf_counter()
        if now - self._looked < _PAUSE or self._spent > _MOST_TIME * (now - self._began):
            return None
        self.last = Glimpse.of(draws, self.settings, self.last)
        self._looked = time.perf_counter()
        self._spent += self._looked - now
        return self.last
