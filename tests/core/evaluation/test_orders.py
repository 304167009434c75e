"""Orders of stops, on two images of one row of patches."""

import numpy as np
import pytest

from napari_probinst.core.config import InferenceConfig
from napari_probinst.core.evaluation.correction import Case, Stop
from napari_probinst.core.evaluation.orders import (
    at_random,
    by_boundary,
    by_confidence,
    by_entropy_mass,
    by_gain,
    by_patch_peaks,
    by_ranking,
    by_size,
    by_truth,
)
from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.ranking import rank_peaks
from napari_probinst.core.instances import InstanceSet
from napari_probinst.core.prediction import Prediction

SHAPE = (12, 60)


def boxes(*spans):
    """Instances from (start, stop) in rows 4 to 7, or (start, stop, y0, y1)."""
    masks = [np.zeros(SHAPE, dtype=bool) for _ in spans]
    for mask, (start, stop, *rows) in zip(masks, spans, strict=True):
        y0, y1 = rows or (4, 8)
        mask[y0:y1, start:stop] = True
    return InstanceSet.from_masks(masks, SHAPE)


def case(name, draws, truth):
    instances = agglomerate([boxes(*draw) for draw in draws])
    return Case.create(
        Prediction(name, instances, rank_peaks(instances), InferenceConfig(min_size=0)),
        boxes(*truth),
    )


def visited(stops):
    return [(stop.image, stop.instances) for stop in stops]


@pytest.fixture
def cases():
    # A01: a worm that is sure, and a short one whose sixth draw is longer.
    # A02: a worm whose long tail one of six draws lacks, and a missed one.
    short, longer = (30, 34), (30, 38)
    return [
        case("A01", [[(0, 12), short]] * 5 + [[(0, 12), longer]], [(0, 12), (30, 40)]),
        case("A02", [[(0, 24)]] * 5 + [[(0, 8)]], [(0, 24), (44, 56)]),
    ]


def test_ranking_goes_over_images_and_takes_what_a_peak_involves(cases):
    assert visited(by_ranking(cases, "mass")) == [(1, (0,)), (0, (1,))]


def test_paper_takes_what_lies_in_the_patch_or_beside_it():
    # The second instance is sure of itself and ends where the first one's doubt begins.
    one = case("A01", [[(0, 8), (20, 24, 0, 4)]] * 3 + [[(0, 20), (20, 24, 0, 4)]], [(0, 8)])
    (peak,) = one.prediction.peaks
    assert (peak.y, peak.x, peak.instances) == (4, 12, (0,))
    assert visited(by_patch_peaks([one])) == [(0, ())]
    assert visited(by_ranking([one], "entropy")) == [(0, (0,))]
    near = case("A01", [[(0, 8), (16, 24, 0, 4)]] * 3 + [[(0, 16), (16, 24, 0, 4)]], [(0, 8)])
    (peak,) = near.prediction.peaks
    assert (peak.y, peak.x) == (4, 8)
    assert visited(by_patch_peaks([near])) == [(0, (0,))]


def test_orders_of_instances(cases):
    assert visited(by_entropy_mass(cases)) == [(1, (0,)), (0, (1,)), (0, (0,))]
    assert visited(by_size(cases)) == [(1, (0,)), (0, (0,)), (0, (1,))]
    assert visited(by_boundary(cases)) == [(0, (1,)), (0, (0,)), (1, (0,))]
    # Mean pairwise IoU: 10 of 15 pairs agree, the others have IoU 1/3 and 1/2.
    assert visited(by_confidence(cases)) == [(1, (0,)), (0, (1,)), (0, (0,))]


def test_ties_go_by_image_and_index():
    alike = [case(name, [[(0, 8), (20, 28)]], [(0, 8)]) for name in ("B01", "A01")]
    for order in (by_size, by_entropy_mass, by_confidence, by_boundary):
        assert visited(order(alike)) == [(0, (0,)), (0, (1,)), (1, (0,)), (1, (1,))]


def test_instances_that_are_empty_are_not_visited():
    divided = case("A01", [[(0, 8), (20, 28)], [(0, 8)]], [(0, 8)])
    assert visited(by_size([divided])) == [(0, (0,))]
    assert visited(at_random([divided], np.random.default_rng(0))) == [(0, (0,))]


def test_random_order_is_seeded_and_visits_each_once(cases):
    first, again, other = (
        visited(at_random(cases * 4, np.random.default_rng(seed))) for seed in (1, 1, 2)
    )
    assert first == again != other
    assert len(set(first)) == len(first) == 12


def test_oracle_adds_what_is_missed_then_goes_by_iou():
    one = case("A01", [[(0, 12), (20, 23), (44, 48)]], [(0, 12), (20, 30), (32, 40)])
    assert by_truth([one]) == [
        Stop(0, 4, 32, ()),
        Stop(0, 4, 44, (2,)),
        Stop(0, 4, 20, (1,)),
        Stop(0, 4, 4, (0,)),
    ]


def test_greedy_oracle_takes_the_larger_gain_and_stops_where_none_is_left():
    one = case("A01", [[(0, 12), (20, 29)]], [(0, 12), (20, 30), (40, 50)])
    stops = by_gain([one], 5)
    # A missed worm gains at all ten thresholds, the other at two of them (IoU 0.9 is not above).
    assert [stop.instances for stop in stops] == [(), (1,)]
    assert by_gain([one], 1) == stops[:1]
    assert by_gain([], 3) == []
