from __future__ import annotations

import math

import pytest

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.evaluation.search import SearchSpace, search

START = InferenceConfig(bandwidth=2.0, cluster_threshold=2.0, min_size=100)


def _search(score, start=START, n_draws=8, area=1000.0, space=None):
    return search(score, start, area=area, n_draws=n_draws, space=space or SearchSpace())


def _hill(bandwidth, threshold, probability=0.75):
    """Score with one summit."""

    def score(settings):
        return -(
            math.log(settings.bandwidth / bandwidth) ** 2
            + math.log(settings.cluster_threshold / threshold) ** 2
            + (settings.probability_threshold - probability) ** 2
        )

    return score


@pytest.mark.parametrize(
    ("bandwidth", "threshold"), [(2.25, 5.0), (1.0, 1.0), (4.0, 4.0), (1.7, 5.1), (1.26, 3.0)]
)
def test_the_place_of_the_grid_next_to_a_summit_is_found(bandwidth, threshold):
    found = _search(_hill(bandwidth, threshold))
    assert abs(math.log(found.bandwidth / bandwidth)) <= math.log(1.26)
    assert abs(math.log(found.cluster_threshold / threshold)) <= math.log(1.5)


def test_every_combination_is_tried_once_beside_the_start():
    tried = []

    def score(settings):
        tried.append(
            (
                settings.bandwidth,
                settings.cluster_threshold,
                settings.min_size,
                settings.probability_threshold,
            )
        )
        return 0.0

    space = SearchSpace((0.5, 1.0), (1.0, 2.0), (0.2, 0.4), (0.5, 0.75))
    _search(score, space=space)
    grid = {
        (bandwidth, ratio * bandwidth, size, probability)
        for bandwidth in (1.0, 2.0)
        for ratio in (1.0, 2.0)
        for size in (200, 400)
        for probability in (0.5, 0.75)
    }
    start = {(2.0, 2.0, 100, probability) for probability in (0.5, 0.75)}
    assert set(tried) == grid | start
    assert len(tried) == len(grid) + len(start)


def test_the_threshold_is_free_of_the_bandwidth():
    def score(settings):
        return -abs(settings.bandwidth - 2) - abs(settings.cluster_threshold - 4.4)

    found = _search(score)
    assert (found.bandwidth, found.cluster_threshold) == (2.0, 4.4)


def test_the_probability_is_one_that_differs():
    assert _search(_hill(2, 2, probability=0.5)).probability_threshold == 0.5
    assert _search(_hill(2, 2, probability=0.6)).probability_threshold == 0.625
    assert _search(_hill(2, 2, probability=0.6), n_draws=3).probability_threshold == 2 / 3
    assert _search(_hill(2, 2, probability=0.1), n_draws=1).probability_threshold == 0.75


def test_thresholds_that_mean_the_same_are_tried_once():
    space = SearchSpace()
    assert space.thresholds_of(8, 0.75) == (0.75, 0.375, 0.5, 0.625, 0.875)
    assert space.thresholds_of(2, 0.75) == (0.75, 0.5)
    assert space.thresholds_of(1, 0.75) == (0.75,)
    assert space.thresholds_of(8, 0.7) == (0.7, 0.375, 0.5, 0.625, 0.875)


def test_the_minimum_size_is_a_share_of_the_objects_area():
    found = _search(lambda settings: -abs(settings.min_size - 400), area=950.0)
    assert found.min_size == round(0.45 * 950)


def test_nothing_is_changed_for_nothing():
    start = InferenceConfig(bandwidth=1.23, cluster_threshold=4.56, min_size=7, seed=3, n_seeds=9)
    assert _search(lambda settings: 0.5, start) == start


def test_a_search_is_repeatable_and_keeps_what_it_does_not_search():
    start = START.model_copy(update={"seed": 5, "patch": 8, "flips": True})
    score = _hill(1.3, 3.3)
    first = _search(score, start)
    assert first == _search(score, start)
    assert (first.seed, first.patch, first.flips) == (5, 8, True)
