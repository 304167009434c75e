"""Images at another scale, window by window, and instances on the way back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_probinst.core.binning import bin_pages, enlarged
from napari_probinst.core.inference.resampling import resampled, resampled_shape, restored
from napari_probinst.core.instances import Instance, InstanceSet

SCALES = st.sampled_from([0.05, 0.3, 0.5, 2 / 3, 0.9, 1.0, 1.3, 2.0, 3.7])


def whole(windows):
    return windows[:, :, :]


def image(seed, height, width):
    return np.random.default_rng(seed).uniform(-1, 2, (2, height, width)).astype(np.float32)


def test_half_the_size_is_binning_by_two():
    pages = image(0, 6, 10)
    np.testing.assert_allclose(whole(resampled(pages, 0.5)), bin_pages(pages, 2), rtol=1e-6)


def test_between_two_pixels_lies_their_mean():
    row = np.array([[[0.0, 4.0]]], np.float32)
    assert whole(resampled(row, 2)).tolist() == [[[0, 1, 3, 4], [0, 1, 3, 4]]]


def test_a_pixel_counts_by_the_area_that_is_covered():
    # Three pixels become two: each covers one and a half.
    row = np.array([[[0.0, 3.0, 6.0]]], np.float32)
    np.testing.assert_allclose(whole(resampled(row, 0.67)), [[[1, 5]]], rtol=1e-6)


def test_the_same_size_is_the_same_object():
    pages = image(0, 5, 7)
    assert resampled(pages, 1.0) is pages
    assert resampled(pages, 1.01) is pages
    assert resampled_shape((5, 7), 0.05) == (1, 1)


@given(SCALES, st.integers(1, 40), st.integers(1, 40), st.data())
@settings(derandomize=True, max_examples=60, deadline=None)
def test_a_window_is_that_part_of_the_whole(scale, height, width, data):
    windows = resampled(image(height, height, width), scale)
    _, rows, columns = windows.shape
    y0, x0 = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    y1, x1 = data.draw(st.integers(y0 + 1, rows)), data.draw(st.integers(x0 + 1, columns))
    key = (slice(None), slice(y0, y1), slice(x0, x1))
    np.testing.assert_array_equal(windows[key], whole(windows)[key])


def test_a_window_reads_no_more_than_it_needs():
    class Counting(np.ndarray):
        read = 0

        def __getitem__(self, key):
            part = np.asarray(self)[key]
            Counting.read = max(Counting.read, part[0].size)
            return part

    pages = image(0, 400, 400).view(Counting)
    resampled(pages, 0.5)[:, 100:120, 60:70]
    assert 40 * 20 <= Counting.read <= 42 * 22


def square(y, x, height=6, width=6):
    return Instance((y, x, y + height, x + width), np.ones((height, width), bool))


def test_back_to_twice_the_size_as_binning_does():
    bar = square(2, 3, 2, 5)
    (found,) = restored(InstanceSet((10, 12), (bar,)), (20, 24)).instances
    assert found.same_pixels(enlarged(bar, 2))


@given(SCALES, st.integers(0, 2**31))
@settings(derandomize=True, max_examples=40, deadline=None)
def test_neighbours_that_only_touch_don_t_overlap_afterwards(scale, seed):
    shape = (31, 40)
    seen = resampled_shape(shape, scale)
    labels = np.random.default_rng(seed).integers(0, 3, (4, 4)).repeat(9, 0).repeat(11, 1)
    labels = labels[: seen[0], : seen[1]]
    labels = np.pad(labels, [(0, n - m) for n, m in zip(seen, labels.shape, strict=True)])
    masks = [labels == value for value in range(3)]
    found = restored(InstanceSet.from_masks([m for m in masks if m.any()], seen), shape)
    cover = sum(instance.full(shape).astype(int) for instance in found.instances)
    assert found.shape == shape
    assert np.max(cover) == 1
    # Where three corners meet, none may have the greater part.
    assert np.count_nonzero(cover == 0) <= 0.1 * cover.size or scale == 0.05


@pytest.mark.parametrize("scale", [0.4, 0.5, 1.7, 2.0])
def test_overlaps_stay(scale):
    shape = (60, 60)
    pair = [square(16, 10, 30, 24), square(20, 24, 30, 24)]
    seen = resampled_shape(shape, scale)
    pages = np.stack([each.full(shape) for each in pair]).astype(np.float32)
    small = InstanceSet.from_masks(list(whole(resampled(pages, scale)) > 0.5), seen)
    first, second = restored(small, shape).instances
    assert min(first.iou(pair[0]), second.iou(pair[1])) > 0.9
    assert abs(first.intersection(second) - pair[0].intersection(pair[1])) < 40


def test_what_has_no_pixel_left_is_dropped():
    lone = Instance((0, 0, 1, 1), np.ones((1, 1), bool))
    found = restored(InstanceSet((40, 40), (lone, square(8, 8, 20, 20))), (10, 10))
    assert [instance.bbox for instance in found.instances] == [(2, 2, 7, 7)]
