"""Instances that are far too large: small pages by hand."""

import numpy as np
import pytest

from napari_probinst.core.inference.agglomeration import agglomerate
from napari_probinst.core.inference.ranking import rank_peaks
from napari_probinst.core.inference.sizes import SURPLUS_DOUBT, doubt_sizes, surplus
from napari_probinst.core.instances import InstanceSet

#: Top left pixel and width of five bars, four pixels high; the last is twice as long.
BARS = [(0, 0, 8), (8, 0, 8), (16, 0, 8), (24, 0, 9), (32, 0, 17)]


def draw(*bars):
    masks = np.zeros((len(bars), 40, 40), dtype=bool)
    for mask, (y, x, width) in zip(masks, bars, strict=True):
        mask[y : y + 4, x : x + width] = True
    return InstanceSet.from_masks(list(masks), (40, 40))


def doubted(*draws):
    instances = agglomerate(draws)
    return doubt_sizes(rank_peaks(instances, size_outliers=False), instances, 4, 0.75)


def test_only_outliers_have_a_surplus_over_the_median():
    # Quartiles 32 and 36: the fence is at 42 pixels.
    assert surplus(np.array([32, 32, 32, 36, 68, 0])).tolist() == [0, 0, 0, 0, 36, 0]
    assert surplus(np.array([32, 32, 32, 36, 42])).tolist() == [0] * 5
    # Of equal sizes a pixel more is an outlier, and no sign of a merge.
    assert surplus(np.array([32, 32, 32, 32, 33])).tolist() == [0] * 5


@pytest.mark.parametrize("areas", [[], [0, 0], [7], [1, 100]])
def test_two_instances_say_nothing_of_the_usual_size(areas):
    assert surplus(np.array(areas, dtype=np.int64)).tolist() == [0] * len(areas)


@pytest.mark.parametrize(
    ("n", "reason"),
    [
        (8, "all draws see the same instance here; it is 2.1 times as large as usual"),
        (1, "the only draw sees the same instance here; it is 2.1 times as large as usual"),
    ],
)
def test_an_instance_that_all_draws_see_gets_a_peak(n, reason):
    (peak,) = doubted(*[draw(*BARS)] * n)
    assert (peak.y, peak.x, peak.instances) == (32, 8, (4,))
    assert (peak.kind, peak.entropy, peak.reason) == ("merge", 0, reason)
    assert peak.mass == pytest.approx(36 * SURPLUS_DOUBT)


def test_a_large_instance_that_some_draws_miss_is_a_likely_merge_all_the_same():
    (peak,) = doubted(*[draw(*BARS)] * 7, draw(*BARS[:4]))
    assert (peak.instances, peak.kind) == ((4,), "merge")
    assert peak.reason.endswith("it is 2.1 times as large as usual")


def test_the_doubt_goes_to_the_largest_of_its_peaks():
    # The long bar is a pixel longer for half of the draws, and the first bar for one of them.
    longer = [*BARS[:4], (32, 0, 18)]
    other = [(0, 0, 9), *BARS[1:]]
    peaks = doubted(*[draw(*BARS)] * 3, *[draw(*longer)] * 4, draw(*other))
    first, last = sorted(peaks, key=lambda peak: peak.y)
    assert first.kind == "contour"
    assert first.mass == pytest.approx(4 * 0.377, abs=0.01)
    assert (last.instances, last.kind) == ((4,), "merge")
    assert last.mass == pytest.approx(36 * SURPLUS_DOUBT + 4 * np.log(2), abs=0.1)
    assert last.reason.endswith("its outline differs; it is 2.1 times as large as usual")


def test_nothing_changes_where_sizes_are_alike():
    alike = BARS[:4]
    longer = [*BARS[:3], (24, 0, 10)]
    instances = agglomerate([draw(*alike)] * 4 + [draw(*longer)] * 4)
    peaks = rank_peaks(instances, size_outliers=False)
    assert peaks
    assert doubt_sizes(peaks, instances, 4, 0.75) == list(peaks)
    assert rank_peaks(instances) == peaks


def test_a_likely_merge_comes_first():
    doubtful = [draw(*BARS)] * 5 + [draw(*BARS[1:])] * 3
    first, second = rank_peaks(agglomerate(doubtful))
    assert (first.kind, first.rank, first.instances) == ("merge", 1, (4,))
    assert second.kind == "missed"
