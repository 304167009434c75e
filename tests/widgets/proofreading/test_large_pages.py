"""A page too large to be held, in the window: what is seen is what a small one shows."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_probinst.widgets import pages
from napari_probinst.widgets.label_view import label_page
from napari_probinst.widgets.pages import PageLevel, page_of
from napari_probinst.widgets.proofreading import brushes


def picture(person):
    person.qtbot.wait(50)
    return person.viewer.screenshot(canvas_only=True, flash=False)


def steps_of_a_review(person):
    """Look at a place, at the next one, at what an edit makes there, and at its undo."""
    yield picture(person)
    person.press(Qt.Key_N)
    yield picture(person)
    person.dock.edits.delete()
    yield picture(person)
    person.press(Qt.Key_Z, Qt.KeyboardModifier.ControlModifier)
    yield picture(person)


@pytest.fixture
def proofread(make_napari_viewer, make_prediction, put, as_person):
    """Open a window of its own on the hand-made prediction, under a name."""

    def make(name):
        viewer = make_napari_viewer(show=True)
        viewer.window.resize(1280, 720)
        put(viewer, make_prediction(name), name)
        return as_person(viewer)

    return make


@pytest.mark.opengl
def test_large_page_looks_like_a_small_one(proofread, monkeypatch):
    small = list(steps_of_a_review(proofread("small")))
    monkeypatch.setattr(pages, "LARGEST_WHOLE", 24)
    monkeypatch.setattr(pages, "_COARSEST", 12)
    person = proofread("large")
    page = page_of(person.shown.instances)
    assert isinstance(page, PageLevel)
    large = list(steps_of_a_review(person))
    assert [np.array_equal(*pair) for pair in zip(small, large, strict=True)] == [True] * 4
    assert not np.array_equal(large[1], large[2])
    assert np.array_equal(np.asarray(page), label_page(person.session, (0, 0, *page.shape)))


def test_brush_of_a_large_page_covers_what_is_around(
    make_napari_viewer, make_prediction, put, as_person, monkeypatch
):
    """Also on an image that is moved, turned and stretched."""
    monkeypatch.setattr(pages, "LARGEST_WHOLE", 24)
    monkeypatch.setattr(pages, "_COARSEST", 12)
    monkeypatch.setattr(brushes, "_LARGEST_PAINTED", 24)
    monkeypatch.setattr(brushes, "_REACH", 12)
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1280, 720)
    place = {"scale": (2, 3), "translate": (7, -5), "rotate": 20, "shear": [0.1]}
    put(viewer, make_prediction(), **place)
    person = as_person(viewer)
    person.click(52, 64)
    (down,) = person.dock.selected
    before = person.mask(down)
    person.click_button("repaint")
    layer = viewer.layers.selection.active
    assert "frame" in person.text("banner_text")
    assert layer.bounding_box.visible
    assert layer.data.size < before.size
    # What is painted already lies on the instance.
    for end in (0, -1):
        there = layer.data_to_world(np.argwhere(layer.data)[end])
        assert np.allclose(there, person.shown.instances.data_to_world(np.argwhere(before)[end]))
    layer.brush_size = 3
    person.click(50, 57)
    person.click_button("confirm")
    assert not layer.visible
    after = person.mask(down)
    assert after[before].all()
    painted = np.argwhere(after & ~before)
    assert len(painted)
    assert np.abs(painted.mean(axis=0) - (50, 57)).max() < 1
