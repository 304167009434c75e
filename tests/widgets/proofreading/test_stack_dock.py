"""The Proofread dock over a stack: one queue over all its planes, the sliders going along."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox

from napari_probinst.core.curation.session import CurationSession
from napari_probinst.widgets.layers import remove_layers, show_prediction

N_PLANES = 3
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def add_plane(viewer, make_prediction):
    """Return the function that shows the prediction of a plane of "film"; plane 1 is certain."""
    film = np.zeros((N_PLANES, *make_prediction().shape), np.uint8)
    viewer.add_image(film, name="film")

    def add(plane):
        made = make_prediction(f"film_{plane:03d}", certain=plane == 1)
        image = viewer.layers["film"]
        session = CurationSession(made)
        return show_prediction(viewer, made, session, image, plane=(plane,), axes=(0,))

    return add


def place(person):
    """Plane of the sliders, plane that is worked on, and place in it."""
    return person.viewer.dims.current_step[0], person.shown.plane[0], person.session.position


def test_next_and_previous_go_through_all_planes(viewer, add_plane, as_person, sessions):
    planes = [add_plane(number) for number in range(N_PLANES)]
    viewer.dims.set_current_step(0, 0)
    person = as_person(viewer)
    n_peaks = len(planes[0].session.peaks)
    assert place(person) == (0, 0, 0)
    assert person.text("folder").startswith("Plane 1 of 3: film [0]")
    box = person.dock.findChild(QComboBox, "predictions")
    assert [box.itemText(i).split(" (")[0] for i in range(3)] == [
        "film [0]",
        "film [2]",
        "film [1]",
    ]

    seen = []
    while place(person)[1] == 0 and len(seen) < n_peaks:
        seen.append(place(person))
        person.press(Qt.Key_N)
    assert place(person) == (2, 2, 0)
    assert planes[2].instances.visible
    assert not planes[0].instances.visible
    person.press(Qt.Key_N, SHIFT)
    assert place(person) == seen[-1]

    # The box counts the open places that are listed.
    review, among = person.dock._walk.review, person.dock._panel.peak_filter
    n_open = review.n_open_by_image(among)[0]
    texts = [box.itemText(i) for i in range(3)]
    assert texts[:2] == [f"film [0] ({n_open} open)", f"film [2] ({n_open} open)"]
    # A decision is kept in the session of its own plane; undo comes back to it.
    person.press(Qt.Key_K)
    assert box.itemText(1) == f"film [2] ({n_open} open)"
    assert box.itemText(0) == (f"film [0] ({n_open - 1} open)" if n_open > 1 else "film [0] (done)")
    assert place(person)[:2] == (2, 2)
    assert [path.name for path in sessions.glob("*.probinst")] == ["film_000.probinst"]
    person.press(Qt.Key_Z, CONTROL)
    assert place(person) == seen[-1]
    assert not planes[0].session.can_undo
    # The slider is another way to a plane.
    viewer.dims.set_current_step(0, 2)
    assert place(person)[:2] == (2, 2)


def test_planes_come_and_go_while_one_is_worked_on(viewer, add_plane, as_person):
    add_plane(0)
    viewer.dims.set_current_step(0, 0)
    person = as_person(viewer)
    assert not person.dock.findChild(QComboBox, "orders").isVisible()
    person.press(Qt.Key_K)
    later = add_plane(2)
    assert person.text("folder").startswith("Plane 1 of 2: film [0]")
    assert place(person)[1] == 0
    assert person.session.can_undo
    # Undo comes back to what was done before the other plane came.
    viewer.dims.set_current_step(0, 2)
    person.press(Qt.Key_Z, CONTROL)
    assert place(person)[:2] == (0, 0)
    assert not person.session.can_undo
    remove_layers(viewer, later)
    assert len(person.dock._walk.review.images) == 1
    assert place(person)[1] == 0


def test_undo_passes_over_steps_of_other_images(viewer, add_plane, as_person, put, make_prediction):
    first, second = add_plane(0), add_plane(2)
    viewer.dims.set_current_step(0, 2)
    person = as_person(viewer)
    assert person.shown is second
    person.press(Qt.Key_K)
    other = put(viewer, make_prediction("well"))
    person.dock.choose(other)
    person.press(Qt.Key_K)
    person.dock.choose(first)
    person.press(Qt.Key_Z, CONTROL)
    assert person.shown is second
    assert not second.session.can_undo
    assert other.session.can_undo


def test_isolated_masks_of_a_plane_are_not_seen_on_another(viewer, add_plane, as_person):
    for begin in ("dock", "predictions"):
        viewer.dims.set_current_step(0, 0)
        person = as_person(viewer) if begin == "dock" else None
        first, second = add_plane(0), add_plane(2)
        person = person or as_person(viewer)
        assert person.shown is first, begin
        visible = [layer.visible for layer in first.layers]
        person.press(Qt.Key_W)
        assert not first.instances.visible, begin
        viewer.dims.set_current_step(0, 2)
        assert person.shown is second, begin
        assert second.instances.visible, begin
        assert not any(layer.visible for layer in first.layers), begin
        viewer.dims.set_current_step(0, 0)
        assert [layer.visible for layer in first.layers] == visible, begin
        assert not any(layer.visible for layer in second.layers), begin
        if begin == "dock":
            close(person)

    # Places come back into view where the slider was moved away.
    def seen():
        return {layer.visible for layer in person.dock._desk.bench.own_layers}

    for action in ("next", "jump"):
        viewer.dims.set_current_step(0, 1)  # nothing was predicted of it
        assert seen() == {False}, action
        person.dock.act(action)
        assert place(person)[:2] == (0, 0)
        assert seen() == {True}, action
    viewer.dims.set_current_step(0, 1)
    person.dock.choose(second)
    assert place(person)[:2] == (2, 2)
    viewer.dims.set_current_step(0, 1)
    assert seen() == {False}
    assert not first.instances.visible


def test_the_way_to_a_plane_leads_past_others(viewer, make_prediction, as_person):
    """Of two axes one slider moves first: the plane on the way isn't worked on."""
    image = viewer.add_image(np.zeros((2, 2, *make_prediction().shape), np.uint8), name="film")
    planes = []
    for plane in ((0, 0), (0, 1)):
        made = make_prediction("film_{:03d}_{:03d}".format(*plane))
        session = CurationSession(made)
        planes.append(show_prediction(viewer, made, session, image, plane=plane, axes=(0, 1)))
    viewer.dims.current_step = (0, 0, 0, 0)
    person = as_person(viewer)
    assert person.shown is planes[0]
    for axis in (0, 1):
        viewer.dims.set_current_step(axis, 1)
    person.dock.act("jump")
    assert person.shown is planes[0]
    assert viewer.dims.current_step[:2] == (0, 0)


def close(person):
    """End a sitting: the dock, then the results."""
    viewer = person.viewer
    viewer.window.remove_dock_widget(person.dock)
    for layer in [each for each in viewer.layers if "|" in each.name]:
        viewer.layers.remove(layer)


def test_each_sitting_begins_where_the_stack_was_left(viewer, add_plane, as_person):
    def begin():
        for number in range(N_PLANES):
            add_plane(number)
        viewer.dims.set_current_step(0, 0)
        return as_person(viewer)

    def leave_and_begin_again(person):
        left = place(person)
        close(person)
        again = begin()
        assert place(again) == left
        return again

    def check_words(again):
        assert again.text("folder").startswith("Plane 2 of 3: film [2]")
        orders = again.dock.findChild(QComboBox, "orders")
        assert orders.itemText(0) == "Plane by plane"

    person = begin()
    viewer.dims.set_current_step(0, 2)
    person.press(Qt.Key_N)
    assert place(person) == (2, 2, 1)
    person = leave_and_begin_again(person)
    check_words(person)

    # Where another plane was corrected.
    viewer.dims.set_current_step(0, 0)
    person.press(Qt.Key_K)
    viewer.dims.set_current_step(0, 2)
    person.press(Qt.Key_N, SHIFT)
    assert place(person) == (2, 2, 0)
    person = leave_and_begin_again(person)
    check_words(person)

    # Corrections of all planes are taken up and counted.
    for _ in range(2):
        person.press(Qt.Key_K)
    notification_manager.records.clear()
    person = leave_and_begin_again(person)
    counts = [np.count_nonzero(image.states) for image in person.dock._walk.review.images]
    assert counts == [1, 2, 0]
    assert person.text("statistics").startswith("3 reviewed")
    said = [record.message for record in notification_manager.records]
    assert "Corrections of 1 more plane taken up again." in said


def test_planes_that_come_while_the_dock_is_open_are_resumed(viewer, add_plane, as_person, qtbot):
    for number in range(N_PLANES):
        add_plane(number)
    viewer.dims.set_current_step(0, 2)
    person = as_person(viewer)
    person.press(Qt.Key_N)
    left = place(person)
    close(person)

    viewer.dims.set_current_step(0, 0)
    again = as_person(viewer)
    for number in range(N_PLANES):
        add_plane(number)
        qtbot.wait(20)
    assert place(again) == left
    # Who has begun isn't led away.
    viewer.dims.set_current_step(0, 0)
    later = add_plane(1)
    remove_layers(viewer, later)
    qtbot.wait(20)
    assert place(again)[:2] == (0, 0)


def test_another_stack_of_the_same_name_is_begun_where_it_is(
    viewer, add_plane, make_prediction, as_person
):
    for number in (0, 2):
        add_plane(number)
    viewer.dims.set_current_step(0, 2)
    close(as_person(viewer))
    image = viewer.layers["film"]
    for number in (0, 2):
        made = make_prediction(f"film_{number:03d}", certain=number == 2)
        show_prediction(viewer, made, CurationSession(made), image, plane=(number,), axes=(0,))
    viewer.dims.set_current_step(0, 0)
    assert place(as_person(viewer))[:2] == (0, 0)
