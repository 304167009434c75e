"""Image to ranked peaks, beside the straightforward version.

The image is the synthetic sample, 520 x 696 pixels with two channels; the model is the bundled
one. Times are of a warm process.
"""

from __future__ import annotations

import numpy as np

from napari_probinst.core.data.synthetic import synthetic_image
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.draws import realise
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.inference.ranking import rank_peaks
from napari_probinst.core.inference.segmentation import segment
from napari_probinst.core.network.checkpoint import load_model
from napari_probinst.core.network.normalisation import normalise
from napari_probinst.models import default_model

from . import straightforward


class ImageToPeaks:
    """Eight draws of one image."""

    timeout = 300
    repeat = (3, 5, 20.0)
    number = 1
    warmup_time = 0.0

    def setup(self):
        self.model = load_model(default_model())
        self.settings = self.model.header.inference
        self.predictor = Predictor.create(self.model)
        self.channels = synthetic_image(seed=0).channels
        self.normalised = normalise(self.channels, self.model.header.network.channels)
        self.pixels = [
            realise(self.model.network, seed=0, draw=draw, runtime=self.predictor.runtime).apply(
                self.normalised
            )
            for draw in range(8)
        ]

    def time_image_to_peaks(self):
        self.predictor.predict(self.channels)

    def time_after_the_network(self):
        draws = [segment(pixels, self.settings) for pixels in self.pixels]
        rank_peaks(agglomerate(draws))

    def time_network_eight_draws(self):
        for draw in range(8):
            realise(self.model.network, seed=0, draw=draw, runtime=self.predictor.runtime).apply(
                self.normalised
            )

    def time_straightforward_image_to_peaks(self):
        network = straightforward.ActivationMasks(self.model.network)
        self._straightforward([network.apply(self.normalised) for _ in range(8)])

    def time_straightforward_after_the_network(self):
        self._straightforward([(pixels.embeddings, pixels.classes) for pixels in self.pixels])

    def peakmem_image_to_peaks(self):
        self.predictor.predict(self.channels)

    def track_instances(self):
        return len(self.predictor.predict(self.channels).instances)

    def _straightforward(self, pixels):
        draws = [
            straightforward.segment(
                embeddings,
                classes,
                bandwidth=self.settings.bandwidth,
                threshold=self.settings.cluster_threshold,
                min_size=self.settings.min_size,
            )
            for embeddings, classes in pixels
        ]
        counts = straightforward.agglomerate([np.array(draw) for draw in draws])
        straightforward.rank(counts, len(draws))
