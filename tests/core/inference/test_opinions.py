from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from napari_probinst.core.inference.opinions import opinions, surely_one_opinion
from napari_probinst.core.instances import Instance


def _bar(start, stop):
    page = np.zeros((2, 12), dtype=bool)
    page[:, start:stop] = True
    return Instance.from_mask(page)


def test_draws_join_the_first_opinion_they_agree_with():
    # 6 of 10 columns in common with the first, 4 of 12; none; two.
    views = [[_bar(0, 8)], [_bar(2, 10)], [_bar(4, 12)], [], [_bar(0, 8)], [_bar(0, 4), _bar(4, 8)]]
    assert opinions(views) == ((0, 1, 4), (2,), (3,), (5,))


def test_sizes_alone_can_tell_that_all_agree():
    alike = [[_bar(0, 8)], [_bar(1, 8)]]
    assert surely_one_opinion(alike, n_pixels=16)
    assert not surely_one_opinion(alike, n_pixels=24)  # other draws could see more
    assert not surely_one_opinion([[_bar(0, 8)], []], n_pixels=16)


@given(pages=st.lists(npst.arrays(bool, (3, 4)), min_size=1, max_size=4))
@settings(derandomize=True, max_examples=200, deadline=None)
def test_what_sizes_tell_is_true(pages):
    seen = [[Instance.from_mask(page)] for page in pages if page.any()]
    if seen and surely_one_opinion(seen, int(np.any(pages, axis=0).sum())):
        assert len(opinions(seen)) == 1
