"""The swap rule, clause by clause, on pages of one row of patches."""

import numpy as np
import pytest

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.evaluation.average_precision import count_hits
from napari_probinst.core.evaluation.correction import (
    Case,
    Stop,
    hits,
    result,
    untouched,
    visit,
)
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.prediction import Prediction

WIDTH = 60


def row(*spans):
    """Instances 4 pixels high, from (start, stop)."""
    masks = [np.zeros((4, WIDTH), dtype=bool) for _ in spans]
    for mask, (start, stop) in zip(masks, spans, strict=True):
        mask[:, start:stop] = True
    return InstanceSet.from_masks(masks, (4, WIDTH))


def case(predicted, truth):
    """Case of one draw: what it shows is what is predicted."""
    return Case.create(
        Prediction("A01", agglomerate([row(*predicted)]), (), InferenceConfig(min_size=0)),
        row(*truth),
    )


def spans(case, state):
    return [(each.bbox[1], each.bbox[3]) for each in result(case, state).instances]


def after(case, *stops):
    state = untouched(case)
    for stop in stops:
        state = visit(case, state, stop)
    return state


FAR = 56  # a patch with nothing near


def test_nothing_visited_is_the_prediction():
    one = case([(0, 8), (10, 20)], [(0, 10)])
    assert spans(one, untouched(one)) == [(0, 8), (10, 20)]


def test_instance_is_swapped_for_its_match():
    one = case([(0, 8), (20, 30)], [(0, 10), (20, 28)])
    state = after(one, Stop(0, 0, FAR, (0,)))
    assert spans(one, state) == [(20, 30), (0, 10)]
    assert state.n_corrected == 1


def test_unmatched_instance_is_swapped_for_every_truth_it_touches():
    # The larger prediction is matched to the first truth; the other one touches both.
    one = case([(0, 12), (8, 16)], [(0, 12), (12, 30)])
    assert one.partners == (0, 1)
    other = case([(0, 12), (10, 14), (13, 30)], [(0, 12), (12, 30)])
    assert other.partners == (0, None, 1)
    assert spans(other, after(other, Stop(0, 0, FAR, (1,)))) == [
        (0, 12),
        (13, 30),
        (0, 12),
        (12, 30),
    ]


def test_instance_whose_counterpart_is_there_is_dropped():
    one = case([(0, 12), (10, 14), (13, 30)], [(0, 12), (12, 30)])
    state = after(one, Stop(0, 0, FAR, (1,)), Stop(0, 0, FAR, (0,)), Stop(0, 0, FAR, (2,)))
    assert spans(one, state) == [(0, 12), (12, 30)]
    assert state.n_corrected == 3


def test_spurious_instance_is_dropped():
    one = case([(0, 12), (30, 40)], [(0, 12)])
    assert spans(one, after(one, Stop(0, 0, FAR, (1,)))) == [(0, 12)]


@pytest.mark.parametrize(("x", "added"), [(16, True), (20, True), (12, True), (24, False)])
def test_missed_truth_is_added_in_the_patch_and_those_around_it(x, added):
    one = case([], [(16, 20)])
    state = after(one, Stop(0, 0, x, ()))
    assert spans(one, state) == ([(16, 20)] if added else [])
    assert state.n_corrected == int(added)


def test_swallowed_truth_near_the_stop_is_added_and_far_from_it_is_not():
    merged = case([(0, 40)], [(0, 22), (22, 40)])
    near, far = after(merged, Stop(0, 0, 24, (0,))), after(merged, Stop(0, 0, 4, (0,)))
    assert spans(merged, near) == [(0, 22), (22, 40)]
    assert spans(merged, far) == [(0, 22)]


def test_truth_that_another_prediction_stands_for_is_not_added():
    one = case([(0, 8)], [(0, 12)])
    assert spans(one, after(one, Stop(0, 0, 8, ()))) == [(0, 8)]


def test_second_visit_changes_nothing():
    one = case([(0, 8)], [(0, 12)])
    state = after(one, Stop(0, 0, 0, (0,)))
    assert visit(one, state, Stop(0, 0, 0, (0,))) is state


def test_empty_instance_is_nothing_to_swap():
    divided = Prediction("A01", agglomerate([row((0, 8)), row()]), (), InferenceConfig(min_size=0))
    one = Case.create(divided, row((0, 8)))
    assert (one.shown, one.missed) == ((), (0,))
    assert spans(one, after(one, Stop(0, 0, FAR, (0,)))) == []
    assert spans(one, after(one, Stop(0, 0, 4, (0,)))) == [(0, 8)]


def test_places_are_in_the_middle():
    assert case([(0, 12), (20, 21)], [(30, 45)]).places == ((0, 4), (0, 20), (0, 36))


def test_hits_are_those_of_the_corrected_image():
    one = case([(0, 12), (10, 14), (13, 30)], [(0, 12), (12, 30), (40, 50)])
    state = untouched(one)
    for stop in (Stop(0, 0, FAR, (2,)), Stop(0, 0, FAR, (1,)), Stop(0, 0, 40, ())):
        state = visit(one, state, stop)
        assert hits(one, state) == count_hits(result(one, state), one.truth)
