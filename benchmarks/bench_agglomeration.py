"""Agglomeration and ranking of very many instances, beside the straightforward version.

The instances are synthetic worms in eight draws that jitter, miss some and split others; no image
and no network take part.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.ranking import rank_peaks

from . import straightforward
from .jittered import jittered_draws
from .run_length import by_length, leave_to_the_full_version

#: Instances of which the straightforward version can still hold full pages.
FEW = 16

_draws = cache(jittered_draws)


class _Once:
    timeout = 900
    repeat = 1
    number = 1
    rounds = 1
    warmup_time = 0.0


class _Many(_Once):
    params = by_length((10_000,), (1_000, 10_000, 100_000))
    param_names = ("instances",)

    def setup(self, n_instances):
        self.draws = _draws(n_instances)


class ManyInstances(_Many):
    """From draws to ranked peaks; the time should follow the number of instances."""

    def time_agglomeration_and_ranking(self, _n_instances):
        rank_peaks(agglomerate(self.draws))


class ManyInstancesMemory(_Many):
    """Their memory."""

    def setup(self, n_instances):
        leave_to_the_full_version()
        super().setup(n_instances)

    def peakmem_agglomeration_and_ranking(self, _n_instances):
        rank_peaks(agglomerate(self.draws))


class FewInstances(_Once):
    """The same at a size at which full pages and dense assignment are possible."""

    def setup(self):
        self.draws = _draws(FEW)
        self.pages = [
            np.array([one.full(draw.shape) for one in draw.instances]) for draw in self.draws
        ]

    def time_agglomeration_and_ranking(self):
        rank_peaks(agglomerate(self.draws))

    def time_straightforward(self):
        straightforward.rank(straightforward.agglomerate(self.pages), len(self.pages))
