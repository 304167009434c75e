"""Overlap heuristic: by hand, and against the paper's wording on whole pages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from napari_probinst.core.inference.overlaps import resolve_overlaps


def page(*rows):
    return np.array([[int(c) if c != "." else 0 for c in row] for row in rows], dtype=np.int32)


def resolved(labels, overlap):
    result = resolve_overlaps(labels, overlap.astype(bool))
    return [instance.full(labels.shape).astype(int) for instance in result.instances]


def test_crossing_worms_both_get_the_overlap():
    labels = page("..2..", "..2..", "11.11", "..2..", "..2..")
    overlap = page(".....", ".....", "..1..", ".....", ".....")
    horizontal, vertical = resolved(labels, overlap)
    np.testing.assert_array_equal(horizontal, page(".....", ".....", "11111", ".....", "....."))
    np.testing.assert_array_equal(vertical, page("..1..", "..1..", "..1..", "..1..", "..1.."))


def test_overlap_that_touches_no_instance_goes_nowhere():
    labels = page("11...", "11...", ".....")
    overlap = page(".....", "....1", "....1")
    (only,) = resolved(labels, overlap)
    np.testing.assert_array_equal(only, labels)


def test_diagonal_contact_counts():
    labels = page("1...", "....", "....")
    overlap = page("....", ".1..", "..1.")
    (only,) = resolved(labels, overlap)
    np.testing.assert_array_equal(only, labels + overlap)


def test_overlap_on_the_instances_own_pixels_changes_nothing():
    labels = page("11", "11")
    (only,) = resolved(labels, labels)
    np.testing.assert_array_equal(only, labels)


def test_piece_that_no_overlap_connects_is_cut_off():
    labels = page("111..11", "111..11")
    (only,) = resolved(labels, np.zeros_like(labels))
    np.testing.assert_array_equal(only, page("111....", "111...."))


def test_iou_decides_and_not_size():
    # Left: 3 own pixels and no overlap, IoU 3/5. Right: 2 own and 6 overlap pixels, IoU 2/9.
    labels = page("111.11..", "........")
    overlap = page("......11", "....1111")
    (only,) = resolved(labels, overlap)
    np.testing.assert_array_equal(only, page("111.....", "........"))


def test_first_of_two_equal_components_is_taken():
    labels = page("...11", ".....", "11...")
    (only,) = resolved(labels, np.zeros_like(labels))
    np.testing.assert_array_equal(only, page("...11", ".....", "....."))


def test_overlap_far_larger_than_the_instance_is_followed_to_its_end():
    labels = np.zeros((9, 40), np.int32)
    labels[4, 0] = 1
    overlap = np.zeros((9, 40), np.int32)
    overlap[4, 1:40] = 1
    overlap[0:9, 39] = 1
    (only,) = resolved(labels, overlap)
    np.testing.assert_array_equal(only, labels + overlap)


def test_boxes_are_tight_and_labels_stay_in_order():
    labels = page(".....", ".22..", "...11")
    result = resolve_overlaps(labels, np.zeros(labels.shape, bool))
    assert [instance.bbox for instance in result.instances] == [(2, 3, 3, 5), (1, 1, 2, 3)]


def test_absent_labels_are_passed_over():
    assert len(resolve_overlaps(page("1.3"), np.zeros((1, 3), bool))) == 2


def test_no_instance():
    result = resolve_overlaps(np.zeros((3, 5), np.int32), np.ones((3, 5), bool))
    assert result.shape == (3, 5)
    assert len(result) == 0


def test_different_shapes_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        resolve_overlaps(np.zeros((3, 5), np.int32), np.zeros((5, 3), bool))


def on_whole_pages(labels, overlap):
    """Follow the paper's text to the letter."""
    masks = []
    for label in range(1, labels.max(initial=0) + 1):
        sole = labels == label
        if not sole.any():
            continue
        components, n = ndimage.label(sole | overlap, np.ones((3, 3)))
        candidates = [components == number for number in range(1, n + 1)]
        candidates.sort(key=lambda mask: int(np.flatnonzero(mask)[0]))
        masks.append(max(candidates, key=lambda mask: (mask & sole).sum() / (mask | sole).sum()))
    return masks


@settings(max_examples=200, derandomize=True, deadline=None)
@given(
    labels=arrays(np.int32, (7, 9), elements=st.sampled_from([0, 0, 0, 1, 2, 3])),
    overlap=arrays(bool, (7, 9), elements=st.sampled_from([False, False, True])),
)
def test_boxes_give_the_result_of_whole_pages(labels, overlap):
    expected = on_whole_pages(labels, overlap)
    result = resolve_overlaps(labels, overlap)
    assert len(result) == len(expected)
    for instance, mask in zip(result.instances, expected, strict=True):
        np.testing.assert_array_equal(instance.full(labels.shape), mask)
