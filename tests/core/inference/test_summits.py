"""Summits beside a flood from every patch, and in batches beside one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_probinst.core.inference.entropy_patches import EntropyPatches
from napari_probinst.core.inference.summits import RIPPLE, find_summits

#: Between the keys of rows of patches; there is a margin of one on all sides.
STRIDE = 8


def grid_of(mean, row=0, column=0):
    mean = np.array(mean, dtype=float)
    return EntropyPatches(row, column, STRIDE, np.zeros(mean.shape, np.int64), mean)


def summits_of(mean):
    return find_summits([grid_of(mean)])


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([0.6, 0.5, 0.6], 1),  # ripples of a plateau
        ([0.6, 0.3, 0.5], 1),  # the way between keeps more than half of the lower one
        ([0.6, 0.2, 0.5], 2),
        ([0.6, 0.2, 0.6], 2),
        ([0.0, 0.0, 0.0], 0),
        ([0.1, 0.2, 0.3], 1),
    ],
)
def test_ripples_are_no_peaks_of_their_own(row, expected):
    assert len(summits_of([row])) == expected


@settings(max_examples=150, derandomize=True, deadline=None)
@given(arrays(np.int64, (4, 5), elements=st.sampled_from([0, 0, 1, 2, 3, 4, 5])))
def test_summits_are_those_of_a_flood_from_every_patch(mean):
    expected = set()
    for start in zip(*np.nonzero(mean), strict=True):
        height, flooded, front = mean[start], {start}, [start]
        while front:
            y, x = front.pop()
            for ny in range(max(y - 1, 0), min(y + 2, 4)):
                for nx in range(max(x - 1, 0), min(x + 2, 5)):
                    if (ny, nx) not in flooded and mean[ny, nx] >= RIPPLE * height:
                        flooded.add((ny, nx))
                        front.append((ny, nx))
        if max(mean[each] for each in flooded) == height:
            expected.add(frozenset((int(y), int(x)) for y, x in flooded))
    found = {
        frozenset((key // STRIDE - 1, key % STRIDE - 1) for key in summit.region.tolist())
        for summit in summits_of(mean)
    }
    assert found == expected


@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 4), st.integers(1, 3)).flatmap(
            lambda each: st.tuples(
                st.just(each[0]),
                arrays(np.int64, each[1:], elements=st.sampled_from([0, 0, 1, 2, 3, 4])),
            )
        ),
        max_size=6,
    )
)
def test_instances_know_nothing_of_their_neighbours_on_the_page(drawn):
    grids = [grid_of(mean, row=shift, column=shift) for shift, mean in drawn]
    expected = [
        (index, each.entropy, each.top.tolist(), each.region.tolist())
        for index, grid in enumerate(grids)
        for each in find_summits([grid])
    ]
    assert expected == [
        (each.instance, each.entropy, each.top.tolist(), each.region.tolist())
        for each in find_summits(grids)
    ]


def test_highest_come_first_then_those_above_then_those_to_the_left():
    mean = [[2, 0, 3, 0, 2], [0, 0, 0, 0, 0], [2, 0, 0, 0, 0]]
    tops = [(each.entropy, each.top.tolist()) for each in summits_of(mean)]
    assert tops == [(3, [STRIDE + 3]), (2, [STRIDE + 1]), (2, [STRIDE + 5]), (2, [3 * STRIDE + 1])]
