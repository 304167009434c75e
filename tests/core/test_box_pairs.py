from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_probinst.core.box_pairs import meeting_boxes

box = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 25), st.integers(0, 25)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.lists(box, max_size=8), st.lists(box, max_size=8))
def test_meeting_boxes_are_all_pairs_that_meet(first, second):
    expected = [
        [i, j]
        for i, a in enumerate(first)
        for j, b in enumerate(second)
        if max(a[0], b[0]) < min(a[2], b[2]) and max(a[1], b[1]) < min(a[3], b[3])
    ]
    found = meeting_boxes(
        np.array(first, dtype=np.int64).reshape(-1, 4),
        np.array(second, dtype=np.int64).reshape(-1, 4),
    )
    assert found.tolist() == expected
