"""Large pages: their levels are those of the page that nobody holds."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers import Labels

from napari_probinst.core.boxes import sampled_shape, sampled_windows
from napari_probinst.widgets import pages
from napari_probinst.widgets.pages import levels, page_data, page_of, render_again

LARGEST_WHOLE = pages.LARGEST_WHOLE


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch):
    """Pages of more than 8 pixels are large, and their coarsest level has up to 3."""
    monkeypatch.setattr(pages, "LARGEST_WHOLE", 8)
    monkeypatch.setattr(pages, "_COARSEST", 3)


class Painting:
    """A page that is rendered from an array, and remembers how much of it was asked for."""

    def __init__(self, shape):
        self.page = np.arange(shape[0] * shape[1], dtype=np.int32).reshape(shape)
        self.asked = []

    def render(self, bbox, step=1):
        self.asked.append((bbox, step))
        y0, x0, y1, x1 = bbox
        return self.page[y0:y1:step, x0:x1:step].copy()


def test_small_page_is_an_array():
    page = page_data((8, 5), Painting((8, 5)).render)
    assert isinstance(page, np.ndarray)
    assert levels(page) is page


@pytest.mark.parametrize("shape", [(9, 4), (20, 33), (17, 16), (64, 3)])
def test_levels_are_every_second_fourth_and_so_on_pixel(shape):
    painting = Painting(shape)
    made = page_data(shape, painting.render)
    assert [level.shape for level in made] == [level.shape for level in levels(painting.page)]
    for level, expected in zip(made, levels(painting.page), strict=True):
        assert (level.ndim, level.size, level.dtype) == (2, expected.size, np.int32)
        assert np.array_equal(np.asarray(level), expected)
        assert np.array_equal(level[1:3, 0:2], expected[1:3, 0:2])
        assert np.array_equal(level[1:, :-1], expected[1:, :-1])
        assert np.array_equal(level[1], expected[1])
        assert np.array_equal(level[::2, 0], expected[::2, 0])
    assert max(made[-1].shape) <= 3


def test_of_4096_pixels_nothing_is_rendered_as_a_whole_before_it_is_seen(monkeypatch):
    monkeypatch.setattr(pages, "LARGEST_WHOLE", LARGEST_WHOLE)
    painting = Painting((4096, 4))
    made = page_data((4096, 4), painting.render)
    assert painting.asked == [((0, 0, 4096, 4), 2)]
    assert np.array_equal(np.asarray(made[0]), painting.page)


def test_fine_levels_are_rendered_no_further_than_they_are_read():
    painting = Painting((40, 40))
    made = page_data((40, 40), painting.render)
    painting.asked.clear()
    made[1][2:5, 3:4]
    assert painting.asked == [((4, 6, 10, 8), 2)]
    painting.asked.clear()
    made[3][:, :]
    assert painting.asked == []  # what is as coarse as the screen is held


@settings(derandomize=True, deadline=None)
@given(st.tuples(*[st.integers(0, 39)] * 4).filter(lambda box: box[0] < box[2] and box[1] < box[3]))
def test_what_is_held_follows_changes(bbox):
    painting = Painting((40, 39))
    made = page_data((40, 39), painting.render)
    layer = Labels(made, multiscale=True)
    y0, x0, y1, x1 = bbox
    painting.page[y0:y1, x0:x1] = 7
    render_again(layer, bbox, painting.render)
    assert page_of(layer) is made[0]
    for level, expected in zip(made, levels(painting.page), strict=True):
        assert np.array_equal(np.asarray(level), expected)


def test_what_napari_keeps_of_the_coarsest_level_follows_changes():
    """It takes `np.asarray` of that level once, for thumbnails and views of the whole."""
    painting = Painting((40, 39))
    made = page_data((40, 39), painting.render)
    layer = Labels(made, multiscale=True)
    kept = np.asarray(made[-1])
    painting.page[:] = 7
    render_again(layer, (0, 0, 40, 39), painting.render)
    assert (kept == 7).all()
    layer.data_level = len(made) - 1
    layer.refresh()
    assert (layer._slice.image.raw == 7).all()


def test_a_duplicate_holds_the_pixels_of_its_moment():
    painting = Painting((40, 39))
    made = page_data((40, 39), painting.render)
    before = painting.page.copy()
    duplicate = copy.deepcopy(made)
    painting.page[:] = 7
    render_again(Labels(made, multiscale=True), (0, 0, 40, 39), painting.render)
    for level, expected in zip(duplicate, levels(before), strict=True):
        assert type(level) is np.ndarray
        assert np.array_equal(level, expected)
    assert duplicate[1].base is duplicate[0].base  # one page, not one for each level


def test_array_of_a_small_page_follows_changes():
    painting = Painting((6, 6))
    layer = Labels(page_data((6, 6), painting.render))
    painting.page[2:4, 1:3] = 9
    render_again(layer, (2, 1, 4, 3), painting.render)
    assert np.array_equal(layer.data, painting.page)


@settings(derandomize=True, deadline=None)
@given(
    st.tuples(*[st.integers(0, 12)] * 4).filter(lambda box: box[0] < box[2] and box[1] < box[3]),
    st.tuples(*[st.integers(0, 12)] * 4).filter(lambda box: box[0] < box[2] and box[1] < box[3]),
    st.integers(1, 5),
)
def test_sampled_windows_are_those_of_whole_pages(bbox, within, step):
    crop = np.arange(1, 1 + (bbox[2] - bbox[0]) * (bbox[3] - bbox[1])).reshape(
        bbox[2] - bbox[0], bbox[3] - bbox[1]
    )
    whole = np.zeros((12, 12), dtype=int)
    whole[bbox[0] : bbox[2], bbox[1] : bbox[3]] = crop
    expected = whole[within[0] : within[2] : step, within[1] : within[3] : step]
    found = np.zeros(sampled_shape(within, step), dtype=int)
    windows = sampled_windows(bbox, within, step)
    if windows is not None:
        own, target = windows
        found[target] = crop[own]
    assert np.array_equal(found, expected)
