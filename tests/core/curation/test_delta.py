"""Deltas: XOR with packed crops, their size and their damage."""

from __future__ import annotations

import numpy as np
import pytest

from napari_probinst.core.curation.delta import Delta, Flip
from napari_probinst.core.instances import Instance


def test_delta_stores_only_what_differs(picture):
    before = {1: Instance.from_mask(picture("####.")), 2: Instance.from_mask(picture("..###"))}
    delta = Delta.between(before, {1: Instance.from_mask(picture("###..")), 2: before[2]})
    assert delta.ids == (1,)
    assert delta.bbox == (0, 3, 1, 4)
    assert delta.n_pixels == 1


def test_boxes_larger_than_the_mask_make_no_difference():
    wide = Instance((0, 0, 2, 3), np.array([[0, 1, 0], [0, 0, 0]], bool))
    assert Delta.between({1: wide}, {1: wide.tight()}).flips == ()


def test_empty_and_missing_are_the_same():
    empty = Instance.from_mask(np.zeros((2, 2), bool), (3, 3))
    assert Delta.between({}, {5: empty}) == Delta(())
    assert Delta(()).bbox == (0, 0, 0, 0)


def test_inverse_undoes(picture):
    before = {1: Instance.from_mask(picture("##.. .##."))}
    delta = Delta.between(before, {1: None, 2: Instance.from_mask(picture("...# #..."))})
    after = {key: value for key, value in delta.apply(before).items() if value is not None}
    assert set(after) == {2}
    assert after[2].bbox == (0, 0, 2, 4)
    again = delta.inverse.apply(after)
    assert again[2] is None
    assert again[1].same_pixels(before[1])


def test_small_change_of_a_large_instance_is_small():
    page = Instance.from_mask(np.ones((2000, 2000), bool))
    mask = page.mask.copy()
    mask[7, 9] = False
    delta = Delta.between({1: page}, {1: Instance.from_mask(mask)})
    assert len(delta.flips[0].data) < 30


@pytest.mark.parametrize(
    "data", ["", "%%", "AAAA", Flip.of(1, Instance((0, 0, 1, 1), np.ones((1, 1), bool))).data]
)
def test_damaged_pixels_are_an_error(data):
    with pytest.raises(ValueError, match="instance 3"):
        Flip(3, (0, 0, 5, 5), data).pixels  # noqa: B018


def test_compressed_bomb_is_not_unpacked():
    bomb = Flip.of(1, Instance((0, 0, 4000, 4000), np.ones((4000, 4000), bool))).data
    with pytest.raises(ValueError, match="do not fill"):
        Flip(1, (0, 0, 2, 2), bomb).pixels  # noqa: B018
