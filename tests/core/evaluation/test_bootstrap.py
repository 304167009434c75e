from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from napari_probinst.core.evaluation.bootstrap import bootstrap_intervals

VALUES = np.random.default_rng(5).normal(10, 2, size=40)


def intervals(statistics, n_images=40, n_resamples=2000, seed=0):
    return bootstrap_intervals(statistics, n_images, n_resamples=n_resamples, seed=seed)


def test_the_mean_has_the_interval_that_scipy_says():
    (low, high) = intervals(lambda chosen: {"mean": VALUES[chosen].mean()})["mean"]
    expected = stats.bootstrap(
        (VALUES,), np.mean, n_resamples=2000, method="percentile", random_state=1
    ).confidence_interval
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=0.1)
    assert low < VALUES.mean() < high


def test_a_seed_gives_the_same_interval_again():
    def mean(chosen):
        return {"mean": VALUES[chosen].mean()}

    assert intervals(mean, seed=1) == intervals(mean, seed=1) != intervals(mean, seed=2)


def test_all_statistics_see_the_same_resamples():
    found = intervals(lambda chosen: {"a": VALUES[chosen].mean(), "b": -VALUES[chosen].mean()})
    assert found["a"] == pytest.approx(tuple(-bound for bound in reversed(found["b"])))


def test_a_constant_has_no_spread_and_one_image_no_interval():
    assert intervals(lambda _: {"constant": 0.5})["constant"] == (0.5, 0.5)
    assert intervals(lambda _: {"constant": 0.5}, n_images=1) == {}


def test_resamples_where_a_score_is_undefined_do_not_count():
    def ratio(chosen):
        return {"ratio": 1.0 if 0 in chosen else float("nan")}

    assert intervals(ratio, n_images=2)["ratio"] == (1.0, 1.0)
