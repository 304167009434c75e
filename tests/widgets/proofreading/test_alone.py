"""Images that lie on one another: only the one that is worked on is seen."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtWidgets import QComboBox

from napari_probinst.widgets.canvas import grid


@pytest.fixture
def wells(viewer, make_prediction, put, as_person):
    """Two images of one size, the second one above the first, with a channel above it."""
    for name in "AB":
        put(viewer, make_prediction(name), name)
    viewer.add_image(np.zeros((64, 96), np.uint8), name="B fluorescence")
    viewer.add_image(np.zeros((64, 96), np.uint8), name="glow", blending="additive")
    viewer.add_image(np.zeros((64, 96), np.uint8), name="elsewhere", translate=(64, 0))
    return as_person(viewer)


def seen(viewer):
    own = ("place", "selection")
    return {layer.name for layer in viewer.layers if layer.visible and not layer.name.endswith(own)}


def work_on(person, title):
    box = person.dock.findChild(QComboBox, "predictions")
    box.activated.emit(box.setCurrentText(title) or box.currentIndex())
    assert person.shown.title == title


def results(name):
    return {f"{name} | {what}" for what in ("entropy", "instances", "peaks")}


def test_only_the_image_that_is_worked_on_is_seen(viewer, wells):
    always = {"glow", "elsewhere"}
    work_on(wells, "A")
    assert seen(viewer) == always | {"A"} | results("A")
    work_on(wells, "B")
    assert seen(viewer) == always | {"B"} | results("B")
    viewer.window.remove_dock_widget(wells.dock)
    everything = always | {"A", "B", "B fluorescence"} | results("A") | results("B")
    assert seen(viewer) == everything


def test_what_lies_elsewhere_or_in_the_grid_stays(viewer, wells):
    viewer.layers["A"].translate = (0, 200)
    work_on(wells, "B")
    assert results("A") | results("B") <= seen(viewer)
    viewer.layers["A"].translate = (0, 0)
    grid(viewer).enabled = True
    work_on(wells, "A")
    assert results("A") | results("B") <= seen(viewer)


def test_what_the_curator_hid_stays_hidden(viewer, wells):
    work_on(wells, "A")
    viewer.layers["A | entropy"].visible = False
    work_on(wells, "B")
    work_on(wells, "A")
    assert seen(viewer) & results("A") == results("A") - {"A | entropy"}
