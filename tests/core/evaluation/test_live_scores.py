"""Live scores: always those of a fresh evaluation, at the cost of what an edit touches."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.evaluation.live import LiveScores
from napari_probinst.core.evaluation.random_order import random_review
from napari_probinst.core.evaluation.segmentation import score_image
from napari_probinst.core.evaluation.simulate import simulate
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.ranking import rank_peaks
from napari_probinst.core.instances import Instance, InstanceSet
from napari_probinst.core.prediction import Prediction

SHAPE = (8, 24)


def bar(y0, x0, height, width):
    mask = np.ones((height, width), dtype=bool)
    return Instance((y0, x0, y0 + height, x0 + width), mask)


def fresh(truth, predicted):
    """Scores of all of it, by the evaluation of whole images."""
    instances = InstanceSet(truth.shape, tuple(predicted[key] for key in sorted(predicted)))
    scores = score_image("x", instances, truth)
    return scores.counts, scores.kinds.counts, scores.dsb


def live_scores(live):
    return live.score.counts, live.score.errors, live.score.dsb


def test_a_merge_is_undone_by_a_split():
    truth = InstanceSet(SHAPE, (bar(2, 0, 3, 8), bar(2, 8, 3, 8)))
    live = LiveScores(truth, {4: bar(2, 0, 3, 16)})
    assert (live.score.errors.false_merges, live.score.hits[0], live.score.n_predicted) == (1, 0, 1)
    after = live.update({4: bar(2, 0, 3, 8), 5: bar(2, 8, 3, 8)})
    assert after.dsb == 1
    assert after.hits == (2,) * 10
    assert live.update({4: bar(2, 0, 3, 16), 5: None}).errors.false_merges == 1


def test_nothing_at_all_and_nothing_but_truth():
    assert LiveScores(InstanceSet(SHAPE, ()), {}).score.dsb == 1
    live = LiveScores(InstanceSet(SHAPE, (bar(0, 0, 2, 2), bar(0, 0, 0, 0))), {})
    assert (live.score.dsb, live.score.errors.misses, live.score.n_true) == (0, 1, 1)
    assert live.update({1: bar(4, 4, 2, 2)}).errors.spurious == 1


bars = st.builds(
    bar,
    st.integers(0, 4),
    st.integers(0, 14),
    st.integers(1, 4),
    st.integers(1, 10),
)
changes = st.dictionaries(st.integers(1, 6), bars | st.none(), min_size=1, max_size=3)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.lists(bars, max_size=5), st.lists(changes, max_size=6))
def test_every_state_has_the_scores_of_a_fresh_evaluation(true, steps):
    truth = InstanceSet(SHAPE, tuple(true))
    predicted = {1: bar(1, 2, 3, 9), 2: bar(0, 9, 4, 9)}
    live = LiveScores(truth, predicted)
    assert live_scores(live) == fresh(truth, predicted)
    for changed in steps:
        predicted |= changed
        predicted = {key: each for key, each in predicted.items() if each is not None}
        live.update(changed)
        assert live_scores(live) == fresh(truth, predicted)


def test_an_edit_looks_at_touched_boxes_only(monkeypatch):
    places = [(2, 6 * index) for index in range(4)]
    truth = InstanceSet(SHAPE, tuple(bar(y, x, 4, 5) for y, x in places))
    live = LiveScores(truth, dict(enumerate(truth.instances, start=1)))
    compared = []
    original = Instance.intersection

    def counted(self, other):
        compared.append(other)
        return original(self, other)

    monkeypatch.setattr(Instance, "intersection", counted)
    live.update({2: bar(2, 6, 4, 4)})
    assert compared == [truth.instances[1]]


def predicted(*draws):
    instances = agglomerate([InstanceSet(SHAPE, draw) for draw in draws])
    return Prediction("A01", instances, rank_peaks(instances), InferenceConfig(min_size=4))


@pytest.mark.parametrize("n_stops", [0, 2, 9])
def test_random_order_is_that_of_the_simulation(n_stops):
    merged, spurious = bar(1, 0, 3, 16), bar(5, 18, 3, 6)
    prediction = predicted((merged, spurious), (merged, spurious, bar(5, 0, 2, 9)))
    truth = InstanceSet(SHAPE, (bar(1, 0, 3, 8), bar(1, 8, 3, 8), bar(6, 1, 2, 6)))
    random = simulate([(prediction, truth)], (n_stops,), seed=3).curves["random"]
    expected = [scores["dsb_image"] for scores in random.by_stops]
    assert random_review(prediction, truth, n_stops, seed=3) == pytest.approx(expected)
    assert len(expected) == n_stops + 1
