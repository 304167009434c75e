"""Draws that run at once, where one alone leaves a processor idle: on GPUs.

The weights of all draws are stacked and mapped over (`torch.func`), which makes each layer one
grouped convolution for all of them. Such draws aren't thinned, as they have to have the same
shapes: a GPU that has room for eight draws gains more by fewer, larger steps.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch.func import functional_call, stack_module_state

from napari_probinst.core.inference.draws import NOTHING_ELSE, of_itself
from napari_probinst.core.inference.ensemble import common_extent, own_settings, take_turns
from napari_probinst.core.inference.resampling import resampled
from napari_probinst.core.inference.segmentation import (
    TileForeground,
    join_tiles,
    layout_of,
    read_tile,
    segment_tile,
    select_foreground,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_probinst.core.boxes import Shape
    from napari_probinst.core.config import InferenceConfig
    from napari_probinst.core.inference.draws import (
        LookOver,
        Overview,
        PixelPrediction,
        Realisation,
    )
    from napari_probinst.core.inference.ensemble import Turn
    from napari_probinst.core.inference.overview import Overviews
    from napari_probinst.core.inference.resampling import Windows
    from napari_probinst.core.inference.segmentation import TileStore
    from napari_probinst.core.inference.tile_cache import DrawTiles
    from napari_probinst.core.inference.tiling import Tile
    from napari_probinst.core.instances import InstanceSet
    from napari_probinst.core.network.checkpoint import Model
    from napari_probinst.core.network.device import Runtime


#: Stacks that are kept: those of one seed of an ensemble, or a few seeds of one model.
_KEPT = 4


class Together:
    """Draws of models, those of one model at once.

    Parameters
    ----------
    runtime : Runtime
        Device and precision.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        #: Those of the last images, which are the next one's too.
        self._stacks: dict[tuple[int, tuple[Turn, ...]], Stack] = {}

    def draws(
        self,
        image: Overviews,
        models: Sequence[Model],
        settings: InferenceConfig,
        kept: Callable[[Turn], DrawTiles | None],
        on_tile: Callable[[int, int], None] | None = None,
    ) -> Iterator[InstanceSet]:
        """Instances of all draws, in the order in which the models take turns.

        Parameters
        ----------
        image : Overviews
            The image, whose intensities are normalised.
        models : sequence of Model
            One, or those of an ensemble.
        settings : InferenceConfig
            As for `Predictor.draws`.
        kept : callable
            Where a draw's tiles are kept, if they are: for all draws of an image, or for none.
        on_tile : callable, optional
            Called with (tiles done, tiles in all) of the model that is under way.
        """
        extent = common_extent(models)
        turns = take_turns(models, settings)
        found: dict[Turn, InstanceSet] = {}
        for model in models:
            own = tuple(turn for turn in turns if turn.model is model)
            stores = [store for turn in own if (store := kept(turn)) is not None]
            drawn = [known for store in stores if (known := store.find_whole()) is not None]
            if own and len(drawn) < len(own):
                drawn = segment_together(
                    image.windows,
                    self._stack(own, settings.seed),
                    own_settings(model, settings, models[0].header.inference),
                    extent,
                    overview=image.of(model, self._runtime, extent),
                    stores=[store.under(self._runtime, extent) for store in stores],
                    on_tile=on_tile,
                )
                for store, draw in zip(stores, drawn, strict=False):
                    store.keep_whole(draw)
            found |= zip(own, drawn, strict=True)
        return (found[turn] for turn in turns)

    def _stack(self, turns: tuple[Turn, ...], seed: int) -> Stack:
        key = (seed, turns)
        if key not in self._stacks:
            if len(self._stacks) >= _KEPT:
                self._stacks.clear()
            self._stacks[key] = Stack.of(
                [turn.realise(seed, self._runtime, thinned=False) for turn in turns]
            )
        return self._stacks[key]


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Several draws of one network as one.

    Parameters
    ----------
    realisations : tuple of Realisation
        Draws that aren't thinned, on the same device, with the same binning.
    weights : dict of str to Tensor
        Those of all draws, one after the other along the first axis, by their names.
    """

    realisations: tuple[Realisation, ...]
    weights: dict[str, Tensor]

    @classmethod
    def of(cls, realisations: Sequence[Realisation]) -> Stack:
        """Stack draws, at least one."""
        weights, _ = stack_module_state([each.network for each in realisations])
        return cls(tuple(realisations), {name: each.detach() for name, each in weights.items()})

    @property
    def stride(self) -> int:
        """Pixels of the image a side that the network's coarsest level sees as one."""
        return self.realisations[0].stride

    @property
    def binning(self) -> int:
        """Pixels of the image a side that make one of the network's."""
        return self.realisations[0].binning

    @torch.inference_mode()
    def apply(
        self, channels: NDArray[np.float32], overview: Overview = NOTHING_ELSE
    ) -> list[PixelPrediction]:
        """What each draw says of the pixels of an image or a tile.

        Parameters
        ----------
        channels : ndarray of float32, shape (n_channels, height, width)
            Normalised intensities.
        overview : Overview, optional
            Of the image that a tile is a part of.

        Returns
        -------
        list of PixelPrediction
            As `Realisation.apply` gives them one by one, but for rounding.
        """
        entering = [each.entering(channels) for each in self.realisations]
        found: dict[int, PixelPrediction] = {}
        # Draws that see height and width exchanged have pages of another shape.
        for shape in dict.fromkeys(batch.shape for batch in entering):
            chosen = [n for n, batch in enumerate(entering) if batch.shape == shape]
            batches = torch.stack([entering[n] for n in chosen])
            weights = {name: each[chosen] for name, each in self.weights.items()}
            template = self.realisations[0]
            with template.runtime.autocast():
                context = template.context_in(overview)
                first = template.first_in(overview, entering[0])
                seeing = torch.vmap(partial(_call, template.network, context=context, first=first))
                embeddings, logits = seeing(weights, batches)
            for position, n in enumerate(chosen):
                realisation = self.realisations[n]
                found[n] = realisation.leaving(
                    embeddings[position], logits[position], channels.shape[1:], overview.share
                )
        return [found[n] for n in range(len(self.realisations))]


def _call(
    network: torch.nn.Module,
    weights: dict[str, Tensor],
    batch: Tensor,
    context: Tensor | None,
    first: Tensor | None,
) -> tuple[Tensor, Tensor]:
    result: tuple[Tensor, Tensor] = functional_call(network, weights, (batch, context, first))
    return result


def segment_together(
    channels: Windows,
    stack: Stack,
    settings: InferenceConfig,
    extent: Shape,
    *,
    overview: LookOver = of_itself,
    stores: Sequence[TileStore] = (),
    on_tile: Callable[[int, int], None] | None = None,
) -> list[InstanceSet]:
    """Instances of several draws, tile by tile; see `segment_image` for a single one.

    The tile before is clustered, a thread for each draw, while the network sees the next.

    Parameters
    ----------
    channels : array-like of float32, shape (n_channels, height, width)
        Normalised intensities.
    stack : Stack
        The draws.
    settings : InferenceConfig
        Scale and thresholds.
    extent : (int, int)
        Largest height and width that the network may see at once, pixels.
    overview : callable, optional
        Returns the `Overview` of an image that exceeds the extent.
    stores : sequence of TileStore, length n_draws, optional
        Asked before a tile of several is computed, and told afterwards.
    on_tile : callable, optional
        Called with (tiles done, tiles in all); what it raises ends the work.
    """
    _, height, width = channels.shape
    seen = resampled(channels, settings.scale)
    layout = layout_of(seen.shape, extent, stack.stride)
    kept = stores if len(layout) > 1 else ()
    found: list[list[tuple[Tile, InstanceSet]]] = [[] for _ in stack.realisations]

    def find(tile: Tile) -> list[InstanceSet] | None:
        known = [store.find(tile) for store in kept]
        complete = [each for each in known if each is not None]
        return complete if kept and len(complete) == len(known) else None

    def begin(tile: Tile, pool: ThreadPoolExecutor) -> list[Future[InstanceSet]]:
        pixels = stack.apply(read_tile(seen, tile, stack.binning), overview())
        draws = [TileForeground(tile, select_foreground(each), stack.binning) for each in pixels]
        return [pool.submit(segment_tile, draw, settings) for draw in draws]

    def finish(tile: Tile, draws: Sequence[InstanceSet]) -> None:
        for instances, draw in zip(found, draws, strict=True):
            instances.append((tile, draw))
        if on_tile is not None:
            on_tile(len(found[0]), len(layout))

    def collect(tile: Tile, futures: Sequence[Future[InstanceSet]]) -> None:
        draws = [each.result() for each in futures]
        for store, draw in zip(kept, draws, strict=False):
            store.keep(tile, draw)
        finish(tile, draws)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        before: tuple[Tile, list[Future[InstanceSet]]] | None = None
        for tile in layout:
            known = find(tile)
            futures = begin(tile, pool) if known is None else []
            if before is not None:
                collect(*before)
            before = None if known is not None else (tile, futures)
            if known is not None:
                finish(tile, known)
        if before is not None:
            collect(*before)
    return [join_tiles(tiles, (height, width), settings.scale) for tiles in found]
