from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from napari_probinst.core.box_index import BoxIndex


@st.composite
def boxes(draw):
    y0, x0 = draw(st.integers(0, 400)), draw(st.integers(0, 400))
    return (y0, x0, y0 + draw(st.integers(1, 300)), x0 + draw(st.integers(1, 300)))


def _meet(one, other):
    return all(one[axis] < other[axis + 2] and other[axis] < one[axis + 2] for axis in (0, 1))


def test_a_box_that_only_touches_is_not_met():
    index = BoxIndex([(0, 0, 10, 10), (0, 10, 10, 20), (5, 5, 6, 300)])
    assert index.meeting((0, 0, 5, 10)) == (0,)
    assert index.meeting((5, 0, 6, 11)) == (0, 1, 2)
    assert index.meeting((6, 20, 9, 30)) == ()


@given(known=st.lists(boxes(), max_size=12), later=st.lists(boxes(), max_size=4), asked=boxes())
@settings(derandomize=True, max_examples=150, deadline=None)
def test_all_boxes_that_meet_are_found_in_their_order(known, later, asked):
    index = BoxIndex(known)
    assert index.meeting(asked) == tuple(n for n, one in enumerate(known) if _meet(one, asked))
    for each in later:
        index.add(each)
    everything = known + later
    assert index.meeting(asked) == tuple(n for n, one in enumerate(everything) if _meet(one, asked))
