"""Images that lie on one another: only the one that is worked on is seen."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtWidgets import QComboBox

from napari_probinst.core.curation.session import CurationSession
from napari_probinst.widgets.canvas import grid
from napari_probinst.widgets.layers import show_prediction


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


def test_planes_of_another_stack_stay_hidden_when_the_sliders_move(
    viewer, make_prediction, put, as_person
):
    shape = make_prediction().shape
    film = viewer.add_image(np.zeros((3, *shape), np.uint8), name="film")
    for number in range(2):
        made = make_prediction(f"film_{number:03d}")
        show_prediction(viewer, made, CurationSession(made), film, plane=(number,), axes=(0,))
    put(viewer, make_prediction("A"), "A")
    viewer.dims.set_current_step(0, 0)
    person = as_person(viewer)
    work_on(person, "A")
    for step in (1, 2, 0):
        viewer.dims.set_current_step(0, step)
        assert seen(viewer) == {"A"} | results("A")
    viewer.dims.set_current_step(0, 1)
    viewer.window.remove_dock_widget(person.dock)
    assert seen(viewer) == {"A", "film"} | results("A") | results("film [1]")


def test_what_is_predicted_meanwhile_is_hidden_as_it_comes(
    viewer, make_prediction, put, as_person, qtbot
):
    viewer.add_image(np.zeros((64, 96), np.uint8), name="C")
    put(viewer, make_prediction("A"), "A")
    person = as_person(viewer)
    session = CurationSession(make_prediction("C"))
    show_prediction(viewer, session.prediction, session, viewer.layers["C"])
    qtbot.wait(20)
    assert seen(viewer) & results("C") == set()
    assert results("A") <= seen(viewer)
    viewer.window.remove_dock_widget(person.dock)
    assert results("C") <= seen(viewer)


def test_an_image_over_the_results_of_another_one_is_hidden(
    viewer, make_prediction, put, as_person
):
    put(viewer, make_prediction("A"), "A")
    viewer.add_image(np.zeros((64, 96), np.uint8), name="above")
    as_person(viewer)
    assert seen(viewer) == {"A"} | results("A")
