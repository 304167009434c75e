"""Clustering of one draw by the number of worms, beside scikit-learn's bin-seeded mean shift.

The page is 520 x 696 pixels; bars of 10 x 100 pixels lie in rows, and each bar's embeddings are
scattered around a centre of its own. No network takes part. The time should follow the foreground.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.inference.draws import PixelPrediction
from napari_probinst.core.inference.embeddings import Embeddings
from napari_probinst.core.inference.segmentation import segment

from . import straightforward
from .run_length import by_length

SHAPE, DIMENSIONS, PER_ROW = (520, 696), 16, 6
#: Rows of bars begin this many pixels apart, bars of a row this many.
ROW, COLUMN = 16, 115
SETTINGS = InferenceConfig(bandwidth=2.0, cluster_threshold=4.0, min_size=300)


@cache
def _pixels(n_worms):
    generator = np.random.default_rng(n_worms)
    classes = np.zeros((3, *SHAPE), dtype=np.float32)
    classes[0] = 1
    embeddings = np.zeros((*SHAPE, DIMENSIONS), dtype=np.float32)
    for worm in range(n_worms):
        y, x = ROW * (worm // PER_ROW), COLUMN * (worm % PER_ROW)
        bar = (slice(y, y + 10), slice(x, x + 100))
        classes[:, *bar] = np.array([0, 1, 0], dtype=np.float32)[:, None, None]
        centre = generator.normal(scale=4, size=DIMENSIONS)
        embeddings[bar] = centre + generator.normal(scale=0.3, size=(10, 100, DIMENSIONS))
    return PixelPrediction(Embeddings(embeddings.transpose(2, 0, 1)), classes)


class Clustering:
    """From a draw's embeddings to its instances, 12 or 48 worms."""

    params = by_length((12,), (12, 48))
    param_names = ("worms",)
    timeout = 300
    rounds = 1
    number = 1
    repeat = by_length(1, 3)
    # The first call compiles what it needs.
    warmup_time = 0.01

    def setup(self, n_worms):
        self.pixels = _pixels(n_worms)

    def time_segment(self, n_worms):
        if len(segment(self.pixels, SETTINGS)) != n_worms:
            raise AssertionError("every bar should be an instance")

    def time_straightforward(self, _n_worms):
        straightforward.segment(
            self.pixels.embeddings,
            self.pixels.classes,
            bandwidth=SETTINGS.bandwidth,
            threshold=SETTINGS.cluster_threshold,
            min_size=SETTINGS.min_size,
        )
