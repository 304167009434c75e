from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_probinst.core.boxes import clip_box, crop_to, enclose, intersect, shifted, tight_bbox
from napari_probinst.core.instances import (
    Instance,
    InstanceSet,
    ProbabilisticInstance,
    ProbabilisticInstances,
)

SHAPE = (7, 9)


def _page(seed, density=0.2):
    return np.random.default_rng(seed).random(SHAPE) < density


def test_from_mask_is_tight():
    page = np.zeros(SHAPE, bool)
    page[2, 3], page[4, 6] = True, True
    instance = Instance.from_mask(page)
    assert instance.bbox == (2, 3, 5, 7)
    assert instance.area == 2
    np.testing.assert_array_equal(instance.full(SHAPE), page)


def test_from_mask_takes_any_nonzero_value_at_an_origin():
    instance = Instance.from_mask(np.array([[0, 0], [0, 7]]), (10, 20))
    assert instance.bbox == (11, 21, 12, 22)
    assert instance.mask.tolist() == [[True]]


def test_an_empty_mask_has_an_empty_box():
    instance = Instance.from_mask(np.zeros(SHAPE), (3, 4))
    assert instance.bbox == (3, 4, 3, 4)
    assert instance.area == 0
    assert not instance.full(SHAPE).any()


def test_a_mask_that_does_not_fill_its_box_is_refused():
    with pytest.raises(ValueError, match="does not fill"):
        Instance((0, 0, 2, 2), np.ones((2, 3), bool))


def test_instances_cannot_be_changed():
    instance = Instance((0, 0, 1, 1), np.ones((1, 1), bool))
    with pytest.raises(FrozenInstanceError):
        instance.bbox = (0, 0, 2, 2)
    with pytest.raises(ValueError, match="read-only"):
        instance.mask[0, 0] = False


def test_the_callers_array_stays_writable():
    mask = np.ones((1, 1), bool)
    Instance((0, 0, 1, 1), mask)
    mask[0, 0] = False


@settings(derandomize=True, max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 10_000), st.sampled_from([0.02, 0.3, 1.0]))
def test_pairs_agree_with_full_pages(first, second, density):
    pages = _page(first, density), _page(second, 0.3)
    one, other = (Instance.from_mask(page) for page in pages)
    both, either = (pages[0] & pages[1]).sum(), (pages[0] | pages[1]).sum()
    assert one.intersection(other) == other.intersection(one) == both
    assert one.iou(other) == pytest.approx(both / either if either else 0.0)
    assert one.same_pixels(other) == np.array_equal(*pages)


def test_same_pixels_whatever_the_boxes():
    tight = Instance((1, 1, 2, 2), np.ones((1, 1), bool))
    loose = Instance.from_mask(np.ones((1, 1)), (1, 1))
    wide = Instance((0, 0, 3, 3), loose.crop((0, 0, 3, 3)))
    assert tight.same_pixels(wide)
    assert wide.tight().bbox == (1, 1, 2, 2)
    empty = Instance((0, 0, 0, 0), np.zeros((0, 0), bool))
    assert not empty.same_pixels(tight)
    assert empty.same_pixels(Instance((2, 2, 3, 3), np.zeros((1, 1), bool)))


def test_contains_agrees_with_the_page():
    page = _page(1)
    instance = Instance.from_mask(page)
    for y in range(-1, SHAPE[0] + 1):
        for x in range(-1, SHAPE[1] + 1):
            inside = 0 <= y < SHAPE[0] and 0 <= x < SHAPE[1] and page[y, x]
            assert instance.contains(y, x) == inside


def test_paint_leaves_other_pixels_alone():
    page = np.full((3, 3), 5)
    Instance((1, 1, 3, 3), np.array([[True, False], [False, True]])).paint(page, 9)
    assert page.tolist() == [[5, 5, 5], [5, 9, 5], [5, 5, 9]]


@pytest.mark.parametrize("target", [(0, 0, 7, 9), (2, 2, 4, 4), (5, 7, 7, 9), (3, 3, 3, 3)])
def test_crop_to_equals_a_slice_of_the_page(target):
    page = _page(3)
    instance = Instance.from_mask(page)
    y0, x0, y1, x1 = target
    np.testing.assert_array_equal(crop_to(instance.bbox, instance.mask, target), page[y0:y1, x0:x1])


def test_cover_counts_overlaps():
    masks = [_page(seed, 0.5) for seed in range(5)]
    cover = InstanceSet.from_masks(masks, SHAPE).cover()
    np.testing.assert_array_equal(cover, np.sum(masks, axis=0))
    assert not InstanceSet(SHAPE, ()).cover().any()


def test_cover_does_not_wrap_around():
    pixel = Instance((0, 0, 1, 1), np.ones((1, 1), bool))
    assert InstanceSet((1, 1), (pixel,) * 300).cover()[0, 0] == 300


def test_areas():
    masks = [_page(seed) for seed in range(3)]
    areas = InstanceSet.from_masks(masks, SHAPE).areas()
    assert areas.tolist() == [mask.sum() for mask in masks]
    assert InstanceSet(SHAPE, ()).areas().shape == (0,)


@pytest.mark.parametrize("bbox", [(0, 0, 8, 1), (-1, 0, 1, 1), (0, 0, 1, 10)])
def test_a_box_outside_the_image_is_refused(bbox):
    mask = np.ones((bbox[2] - bbox[0], bbox[3] - bbox[1]), bool)
    with pytest.raises(ValueError, match="inside an image"):
        InstanceSet(SHAPE, (Instance(bbox, mask),))


@pytest.mark.parametrize("n_draws", [1, 3, 8, 10, 255])
def test_binarise_compares_whole_counts(n_draws):
    counts = np.arange(n_draws + 1, dtype=np.uint8)[None]
    instance = ProbabilisticInstance((0, 0, 1, n_draws + 1), counts, (0,) * n_draws)
    for percent in (1, 30, 50, 70, 75, 100):
        binary = instance.binarise(percent / 100)
        kept = [k for k in range(n_draws + 1) if 100 * k >= percent * n_draws and k]
        assert binary.area == len(kept), percent
    np.testing.assert_allclose(instance.probability()[0], np.arange(n_draws + 1) / n_draws)


@pytest.mark.parametrize(("votes", "exists"), [(1, False), (2, False), (3, True), (4, True)])
def test_an_instance_that_too_few_draws_found_has_no_pixels(votes, exists):
    matches = (0,) * votes + (None,) * (4 - votes)
    counts = np.full((2, 3), votes, np.uint8)
    instance = ProbabilisticInstance((0, 0, 2, 3), counts, matches)
    assert instance.binarise(0.25, 0.75).area == instance.area(0.25, 0.75) == (6 if exists else 0)
    assert instance.binarise(0.25).area == 6, "one draw is enough unless more are asked for"


def test_votes_and_an_instance_that_is_empty_once_binarised():
    draws = tuple(
        InstanceSet((1, 2), (Instance((0, 0, 1, 2), np.ones((1, 2), bool)),) * n) for n in (1, 0, 0)
    )
    lonely = ProbabilisticInstance((0, 0, 1, 2), np.ones((1, 2), np.uint8), (0, None, None))
    result = ProbabilisticInstances((1, 2), (lonely,), draws)
    assert result.n_draws == 3
    assert lonely.votes == 1
    assert result.binarise(0.75).areas().tolist() == [0]
    assert len(result.binarise(0.75)) == len(result) == 1


def test_every_draw_needs_a_match_or_none():
    instance = ProbabilisticInstance((0, 0, 1, 1), np.ones((1, 1), np.uint8), (0,))
    with pytest.raises(ValueError, match="2 draws"):
        ProbabilisticInstances((1, 1), (instance,), (InstanceSet((1, 1), ()),) * 2)


def test_boxes():
    assert tight_bbox(np.eye(3)) == (0, 0, 3, 3)
    assert tight_bbox(np.zeros((3, 3))) == (0, 0, 0, 0)
    assert shifted((0, 1, 2, 3), (10, -1)) == (10, 0, 12, 2)
    assert intersect((0, 0, 2, 2), (1, 1, 3, 3)) == (1, 1, 2, 2)
    assert intersect((0, 0, 2, 2), (2, 0, 3, 2)) is None
    assert enclose([(5, 5, 6, 6), (0, 0, 0, 0), (1, 7, 2, 9)]) == (1, 5, 6, 9)
    assert enclose([]) == (0, 0, 0, 0)
    assert clip_box((-3, 2, 4, 90), (10, 20)) == (0, 2, 4, 20)
    assert clip_box((12, 2, 14, 4), (10, 20))[0:3:2] == (12, 12)
