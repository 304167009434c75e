"""An image beyond the model's extent: tiles, their time and their memory.

The image is of synthetic wells side by side, 2,048 x 2,048 pixels with two channels, in memory; the
full version has 4,096 and 8,192 pixels a side as well, where time should be four times as long and
memory that of the image more. ``tools/scaling.py`` measures images that are read from the disk as
they are predicted, up to 16,384 pixels a side.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from napari_probinst.core.data.synthetic import synthetic_image

from . import sample
from .run_length import by_length, leave_to_the_full_version

SIDES, WELL = (2048, 4096, 8192), 512
N_WELLS = 4


@cache
def _image(side):
    wells = [synthetic_image(seed, (WELL, WELL)).channels for seed in range(N_WELLS)]
    n = side // WELL
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
        self.image = _image(SIDES[0])


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


class Scaling(_Tiled):
    """One draw, by pixels a side."""

    params = SIDES
    param_names = ("side",)
    timeout = 3600

    def setup(self, side):
        leave_to_the_full_version()
        super().setup(1)
        self.image = _image(side)

    def time_predict(self, _side):
        self.predictor.predict(self.image, self.settings)

    def peakmem_predict(self, _side):
        self.predictor.predict(self.image, self.settings)
