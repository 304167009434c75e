"""The network alone: thinned beside masked, and its first layer once beside once a draw.

The image is the synthetic sample, 520 x 696 pixels.
"""

from __future__ import annotations

import copy
from functools import cache

import torch

from napari_probinst.core.inference.draws import Overview, Realisation
from napari_probinst.core.inference.first_layer import FirstLayer
from napari_probinst.core.network.concrete_dropout import apply_masks, sample_masks
from napari_probinst.core.network.thinning import thin
from napari_probinst.core.network.unet import UNet

from . import sample
from .run_length import by_length


class _Network:
    timeout = 300
    rounds = 1
    number = 1
    repeat = by_length(3, 7)
    warmup_time = 0.01


class Thinning(_Network):
    """One draw of a network whose every layer has this dropout rate."""

    params = (0.25, 0.5, 0.75)
    param_names = ("rate",)

    def setup(self, rate):
        self.masked, self.thinned = _realised(rate)

    def time_thinned(self, _rate):
        self.thinned.apply(sample.normalised())

    def time_masked(self, _rate):
        self.masked.apply(sample.normalised())


@cache
def _realised(rate):
    """Masked and thinned realisation, warm: asv sets up anew before every call that it times."""
    predictor = sample.predictor()
    config = predictor.model.header.network.model_copy(update={"initial_rate": rate})
    torch.manual_seed(0)
    masked = UNet(config).eval()
    apply_masks(masked, sample_masks(masked, torch.Generator().manual_seed(0)))
    thinned = copy.deepcopy(masked)
    thin(thinned)
    both = tuple(
        Realisation(network.to(memory_format=torch.channels_last), predictor.runtime)
        for network in (masked, thinned)
    )
    for realisation in both:
        realisation.apply(sample.normalised())
    return both


class Draws(_Network):
    """Eight draws of the bundled model in one orientation."""

    def setup(self):
        self.realisations = sample.realisations()

    def time_network(self):
        for realisation in self.realisations:
            realisation.apply(sample.normalised())

    def time_network_first_layer_once(self):
        """No draw changes the first layer: it has no dropout, and 16 channels are not thinned."""
        shared = Overview(first=FirstLayer())
        for realisation in self.realisations:
            realisation.apply(sample.normalised(), overview=shared)
