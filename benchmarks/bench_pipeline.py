"""Image to ranked peaks, beside the straightforward version.

The image is a synthetic well, 520 x 696 pixels with two channels; the model is the bundled
one. Times are of a warm process.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.ranking import rank_peaks
from napari_probinst.core.inference.segmentation import segment
from napari_probinst.sample_data import sample_image

from . import sample, straightforward
from .run_length import by_length


class _Warm:
    """A call before those that are timed."""

    timeout = 300
    rounds = 1
    number = 1
    repeat = by_length(3, 5)
    warmup_time = 0.01

    def setup(self):
        self.predictor = sample.predictor()
        self.settings = self.predictor.model.header.inference
        self.channels = sample.channels()


class ImageToPeaks(_Warm):
    """Eight draws of one image."""

    def time_image_to_peaks(self):
        self.predictor.predict(self.channels)

    def peakmem_image_to_peaks(self):
        self.predictor.predict(self.channels)


class OutsizedToPeaks(_Warm):
    """Eight draws of the demo's sample, most of which hold an instance that is parted anew."""

    def setup(self):
        super().setup()
        self.channels = sample_image().channels

    def time_image_to_peaks(self):
        self.predictor.predict(self.channels)


class WithoutMatrixUnits(_Warm):
    """The same in float32, as where the processor has no AMX."""

    repeat = by_length(2, 5)

    def setup(self):
        super().setup()
        if not self.predictor.runtime.bfloat16:
            raise NotImplementedError("this machine's benchmarks are in float32 already")
        self.predictor = replace(
            self.predictor, runtime=replace(self.predictor.runtime, bfloat16=False)
        )

    def time_image_to_peaks(self):
        self.predictor.predict(self.channels)


class _Once(_Warm):
    """The yardstick is slow."""

    repeat = by_length(1, 3)
    warmup_time = by_length(0.0, 0.01)


class Straightforward(_Once):
    """The yardstick, from the same weights."""

    def time_image_to_peaks(self):
        network = straightforward.ActivationMasks(self.predictor.model.network)
        pixels = [network.apply(sample.normalised()) for _ in range(sample.N_DRAWS)]
        _straightforward_peaks(pixels, self.settings)


class AfterTheNetwork(_Warm):
    """Clustering, overlaps, agglomeration and ranking of eight draws."""

    def setup(self):
        super().setup()
        self.pixels = sample.pixels()

    def time_after_the_network(self):
        draws = [segment(pixels, self.settings) for pixels in self.pixels]
        rank_peaks(agglomerate(draws))


class StraightforwardAfterTheNetwork(_Once):
    """The same by the yardstick."""

    def setup(self):
        super().setup()
        self.pixels = [(each.embeddings, each.classes) for each in sample.pixels()]

    def time_after_the_network(self):
        _straightforward_peaks(self.pixels, self.settings)


def _straightforward_peaks(pixels, settings):
    draws = [
        straightforward.segment(
            embeddings,
            classes,
            bandwidth=settings.bandwidth,
            threshold=settings.cluster_threshold,
            min_size=settings.min_size,
        )
        for embeddings, classes in pixels
    ]
    counts = straightforward.agglomerate([np.array(draw) for draw in draws])
    straightforward.rank(counts, len(draws))
