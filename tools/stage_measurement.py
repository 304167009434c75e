"""Times of the stages of a prediction, and their least work."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from stage import Stage, profile_of, times
from torch.utils.flop_counter import FlopCounterMode

from napari_probinst.core.data.synthetic import synthetic_image
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.clustering import group
from napari_probinst.core.inference.draws import realise
from napari_probinst.core.inference.entropy import entropy_map
from napari_probinst.core.inference.overlaps import resolve_overlaps
from napari_probinst.core.inference.ranking import rank_peaks
from napari_probinst.core.inference.segmentation import (
    TileForeground,
    segment,
    select_foreground,
    tile_modes,
)
from napari_probinst.core.inference.tiling import Tile
from napari_probinst.core.network.normalisation import normalise
from napari_probinst.core.network.thinning import thin

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_probinst.core.inference.draws import Realisation
    from napari_probinst.core.inference.pipeline import Predictor

N_DRAWS = 8


class Measurement:
    """The stages of one prediction.

    Parameters
    ----------
    predictor : Predictor
        Bundled model.
    repeats : int
        Timed calls of each stage, whose median counts.
    """

    def __init__(self, predictor: Predictor, repeats: int) -> None:
        self.repeats = repeats
        self.predictor = predictor
        self.settings = predictor.model.header.inference.model_copy(update={"n_draws": N_DRAWS})
        self.channels = synthetic_image(1).channels
        self.normalised = self._normalise()
        self.realisations = self._realise()
        # The same draws layer by layer: torch neither counts nor calls what is merged.
        self.unmerged = [self._unmerged(draw) for draw in range(N_DRAWS)]
        self.pixels = [each.apply(self.normalised) for each in self.realisations]
        height, width = self.normalised.shape[1:]
        page = (0, 0, height, width)
        self.seen = [
            TileForeground(Tile(page, page), select_foreground(pixels)) for pixels in self.pixels
        ]

    def _normalise(self) -> NDArray[Any]:
        return normalise(self.channels, self.predictor.model.header.network.channels)

    def _realise(self) -> list[Realisation]:
        return [
            realise(self.predictor.model.network, seed=0, draw=draw, runtime=self.predictor.runtime)
            for draw in range(N_DRAWS)
        ]

    def _unmerged(self, draw: int) -> Realisation:
        predictor = self.predictor
        result = realise(
            predictor.model.network, seed=0, draw=draw, runtime=predictor.runtime, thinned=False
        )
        thin(result.network)
        return result

    def _stage(
        self,
        name: str,
        work: Callable[[], Any],
        *,
        calls: int = N_DRAWS,
        operations: float = 0.0,
        n_bytes: float = 0.0,
        is_network: bool = False,
    ) -> Stage:
        seconds = statistics.median(times(work, self.repeats))
        profile = profile_of(work)
        return Stage(name, calls, seconds, operations, n_bytes, profile, is_network=is_network)

    def layers(self) -> list[Stage]:
        """Layers of the first draw's network, in the order of computation."""
        return self._layers_of(self.unmerged[0])

    def _layers_of(self, realisation: Realisation) -> list[Stage]:
        network = realisation.network
        names = {
            module: name
            for name, module in network.named_modules()
            if isinstance(module, torch.nn.Conv2d | torch.nn.ConvTranspose2d)
        }
        began: dict[str, float] = {}
        seconds: dict[str, list[float]] = {name: [] for name in names.values()}
        touched: dict[str, int] = {}
        operations: dict[str, float] = {}

        def before(module: torch.nn.Module, _inputs: Any) -> None:
            began[names[module]] = time.perf_counter()

        def after(module: Any, inputs: Any, output: torch.Tensor) -> None:
            name = names[module]
            seconds[name].append(time.perf_counter() - began[name])
            # In the precision of the output: an input in float32 is converted once.
            numbers = inputs[0].numel() + output.numel() + module.weight.numel()
            touched[name] = numbers * output.element_size()
            # A transposed convolution with stride 2 reads one of its 2x2 taps for each output.
            taps = (
                1 if isinstance(module, torch.nn.ConvTranspose2d) else module.weight[0, 0].numel()
            )
            operations[name] = 2.0 * output.numel() * module.in_channels * taps

        handles = [
            handle
            for module in names
            for handle in (
                module.register_forward_pre_hook(before),
                module.register_forward_hook(after),
            )
        ]
        times(lambda: realisation.apply(self.normalised).embeddings, self.repeats)
        for handle in handles:
            handle.remove()
        return [
            Stage(
                f"{name} ({module.in_channels} → {module.out_channels})",
                1,
                statistics.median(seconds[name][1:]),  # the first is the warm one
                operations[name],
                touched[name],
                is_network=True,
            )
            for module, name in names.items()
            if seconds[name]
        ]

    def network(self) -> list[Stage]:
        """Normalisation, drawing the weights, and the network of all draws."""
        layers = [self._layers_of(each) for each in self.unmerged]
        first = layers[0][0]
        others = [layer for each in layers for layer in each[1:] if not _embeds(layer.name)]
        weights = sum(each.numel() for each in self.predictor.model.network.parameters())
        kept = sum(each.numel() for one in self.realisations for each in one.network.parameters())
        applied = self._stage(
            "network: all but the embeddings' last layers",
            lambda: [each.apply(self.normalised) for each in self.realisations],
            operations=_operations(lambda: [each.apply(self.normalised) for each in self.unmerged])
            - N_DRAWS * first.operations,
            n_bytes=sum(layer.n_bytes for layer in others),
        )
        without_first = applied.seconds - N_DRAWS * first.seconds
        return [
            self._stage(
                "normalise",
                self._normalise,
                calls=1,
                n_bytes=self.channels.nbytes + self.normalised.nbytes,
            ),
            self._stage(
                "draw and thin the weights", self._realise, n_bytes=4 * (N_DRAWS * weights + kept)
            ),
            replace(first, name="network: the first layer, which no draw changes"),
            replace(applied, seconds=without_first, is_network=True),
        ]

    def afterwards(self) -> list[Stage]:
        """From the network's pages to ranked peaks."""
        settings, seen = self.settings, self.seen
        vectors = sum(each.foreground.vectors.nbytes for each in seen)
        page = self.normalised[0].size
        modes = [tile_modes(each, settings) for each in seen]
        climbing = _operations(lambda: [tile_modes(each, settings) for each in seen])
        unmerged = [each.apply(self.normalised) for each in self.unmerged]
        embedding = _operations(lambda: [select_foreground(pixels) for pixels in unmerged])
        assigning = sum(
            2 * each.foreground.vectors.size * len(found)
            for each, found in zip(seen, modes, strict=True)
        )

        def grouping() -> list[Any]:
            return [
                group(
                    each.foreground,
                    found,
                    threshold=settings.cluster_threshold,
                    min_size=settings.min_size,
                )
                for each, found in zip(seen, modes, strict=True)
            ]

        labels = grouping()
        overlaps = [each.foreground.overlap() for each in seen]
        draws = [segment(pixels, settings) for pixels in self.pixels]
        masks = sum(one.mask.nbytes for draw in draws for one in draw.instances)
        instances = agglomerate(draws)
        counts = sum(one.counts.nbytes for one in instances.instances)
        return [
            self._stage(
                "select and embed the foreground",
                lambda: [select_foreground(pixels) for pixels in self.pixels],
                operations=embedding,
                is_network=True,
                n_bytes=sum(pixels.classes.nbytes for pixels in self.pixels) + 2 * vectors,
            ),
            self._stage(
                "mean shift",
                lambda: [tile_modes(each, settings) for each in seen],
                operations=climbing + assigning,
                n_bytes=vectors,
            ),
            self._stage(
                "grouping",
                grouping,
                operations=assigning,
                n_bytes=vectors + sum(each.nbytes for each in labels),
            ),
            self._stage(
                "overlaps",
                lambda: [
                    resolve_overlaps(each, overlap)
                    for each, overlap in zip(labels, overlaps, strict=True)
                ],
                n_bytes=N_DRAWS * page * (4 + 1) + masks,
            ),
            self._stage(
                "agglomeration", lambda: agglomerate(draws), calls=1, n_bytes=masks + counts
            ),
            self._stage(
                "entropy map",
                lambda: entropy_map(instances),
                calls=1,
                n_bytes=counts + 4 * page,
            ),
            self._stage("ranking", lambda: rank_peaks(instances), calls=1, n_bytes=counts),
        ]

    def whole(self) -> float:
        """Time from the image to ranked peaks, seconds."""
        return statistics.median(times(lambda: self.predictor.predict(self.channels), self.repeats))

    def side_by_side(self) -> dict[str, float]:
        """Times of network and clustering one after the other and at once, seconds."""

        def see(realisation: Realisation) -> Any:
            return realisation.apply(self.normalised)

        def cluster(pixels: Any) -> Any:
            return segment(pixels, self.settings)

        def in_turn() -> None:
            for each in self.realisations:
                cluster(see(each))

        def overlapped() -> None:
            with ThreadPoolExecutor(1) as pool:
                # The main thread runs the next draw's network meanwhile.
                for waiting in [pool.submit(cluster, see(each)) for each in self.realisations]:
                    waiting.result()

        def draws_at_once() -> None:
            with ThreadPoolExecutor(n_threads) as pool:
                list(pool.map(lambda each: cluster(see(each)), self.realisations))

        n_threads = torch.get_num_threads()
        ways = {
            "one draw after the other": in_turn,
            "a thread clusters a draw while the network runs the next": overlapped,
        }
        found = {name: statistics.median(times(work, self.repeats)) for name, work in ways.items()}
        torch.set_num_threads(1)
        try:
            found[f"{n_threads} draws at once, a thread each"] = statistics.median(
                times(draws_at_once, self.repeats)
            )
        finally:
            torch.set_num_threads(n_threads)
        return found


def _embeds(layer: str) -> bool:
    """Whether a layer of the bundled model is one of those that the foreground alone needs."""
    return layer.startswith(("decoder.3.", "head "))


def _operations(work: Callable[[], Any]) -> float:
    """Floating point operations, as torch counts them."""
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops())
