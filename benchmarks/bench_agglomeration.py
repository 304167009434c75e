"""Agglomeration and ranking of very many instances, beside the straightforward version.

The instances are synthetic worms in eight draws that jitter, miss some and split others; no image
and no network take part.
"""

from __future__ import annotations

import numpy as np

from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.ranking import rank_peaks

from . import straightforward
from .jittered import jittered_draws

#: Instances of which the straightforward version can still hold full pages.
FEW = 36


class ManyInstances:
    """From draws to ranked peaks; the time should follow the number of instances."""

    params = (1_000, 10_000, 100_000)
    param_names = ("instances",)
    timeout = 900
    repeat = 1
    number = 1
    rounds = 1
    warmup_time = 0.0

    def setup(self, n_instances):
        self.draws = jittered_draws(n_instances)
        self.instances = agglomerate(self.draws) if n_instances < 100_000 else None

    def time_agglomeration_and_ranking(self, _n_instances):
        rank_peaks(agglomerate(self.draws))

    def time_ranking(self, _n_instances):
        if self.instances is None:
            raise NotImplementedError
        rank_peaks(self.instances)


class FewInstances:
    """The same at a size at which full pages and dense assignment are possible."""

    timeout = 300
    repeat = 1
    number = 1
    rounds = 1
    warmup_time = 0.0

    def setup(self):
        self.draws = jittered_draws(FEW)
        self.pages = [
            np.array([one.full(draw.shape) for one in draw.instances]) for draw in self.draws
        ]

    def time_agglomeration_and_ranking(self):
        rank_peaks(agglomerate(self.draws))

    def time_straightforward_agglomeration_and_ranking(self):
        straightforward.rank(straightforward.agglomerate(self.pages), len(self.pages))
