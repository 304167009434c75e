"""A part of a labels layer shown anew looks as if all of it had been."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Labels

from napari_probinst.widgets.label_view import OVERLAP, label_colours, refresh_within


@pytest.fixture
def layer():
    page = np.zeros((30, 40), np.int32)
    page[2:12, 2:20] = 1
    page[8:25, 15:22] = 2
    page[8:12, 15:20] = OVERLAP
    made = Labels(page, colormap=label_colours((1, 2), {}))
    made.contour = 1
    return made


def drawn(layer):
    return layer._slice.image.view.copy()


@pytest.mark.parametrize(
    "box", [(4, 5, 9, 18), (0, 0, 30, 40), (24, 21, 25, 22), (29, 39, 30, 40)], ids=str
)
def test_a_part_looks_like_the_whole(layer, box):
    before = drawn(layer)
    y0, x0, y1, x1 = box
    layer.data[y0:y1, x0:x1] = 3
    told = []
    layer.events.labels_update.connect(lambda event: told.append(event.data.shape))
    refresh_within(layer, box)
    part = drawn(layer)
    layer.refresh(extent=False)
    assert np.array_equal(part, drawn(layer))
    assert not np.array_equal(part, before)
    # No more than the box and the contours around it went to the canvas.
    (height, width) = told[0]
    assert height <= y1 - y0 + 2
    assert width <= x1 - x0 + 2


def test_nothing_and_what_is_hidden_are_left_for_later(layer):
    before = drawn(layer)
    refresh_within(layer, (0, 0, 0, 0))
    layer.visible = False
    layer.data[0:5, 0:5] = 3
    refresh_within(layer, (0, 0, 5, 5))
    assert np.array_equal(drawn(layer), before)
    layer.visible = True
    assert not np.array_equal(drawn(layer), before)
