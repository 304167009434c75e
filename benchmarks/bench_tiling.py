"""An image beyond the model's extent: tiles, their time and their memory.

The image is of synthetic wells side by side, 2,048 x 2,048 pixels with two channels, in memory.
``tools/scaling.py`` measures larger ones, read from the disk as they are predicted.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from napari_probinst.core.data.synthetic import synthetic_image

from . import sample
from .run_length import by_length, leave_to_the_full_version

SIDE, WELL = 2048, 512
N_WELLS = 4


@cache
def _image():
    wells = [synthetic_image(seed, (WELL, WELL)).channels for seed in range(N_WELLS)]
    n = SIDE // WELL
    return np.block([[wells[(row + column) % N_WELLS] for column in range(n)] for row in range(n)])


class _Tiled:
    params = by_length((1,), (1, 8))
    param_names = ("draws",)
    timeout = 900
    repeat = 1
    number = 1
    rounds = 1
    warmup_time = 0.0

    def setup(self, n_draws):
        self.predictor = sample.predictor()
        defaults = self.predictor.model.header.inference
        self.settings = defaults.model_copy(update={"n_draws": n_draws})
        self.image = _image()


class TiledMemory(_Tiled):
    """By draws; it should not depend on them."""

    def peakmem_predict(self, _n_draws):
        self.predictor.predict(self.image, self.settings)


class TiledTime(_Tiled):
    """By draws; it should grow with them."""

    def setup(self, n_draws):
        leave_to_the_full_version()
        super().setup(n_draws)

    def time_predict(self, _n_draws):
        self.predictor.predict(self.image, self.settings)
