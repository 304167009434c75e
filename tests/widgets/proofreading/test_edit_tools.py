"""Edits of the dock beyond line, brush and merge; its keys; and what is under the cursor."""

from __future__ import annotations

import numpy as np
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QAction, QLabel, QPushButton, QSpinBox

from napari_probinst.widgets.label_view import OVERLAP
from napari_probinst.widgets.proofreading.key_table import keys_file, load_keys
from napari_probinst.widgets.proofreading.keys_dialog import KeysDialog

SHIFT = Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
#: Points on the bars of the hand-made prediction.
ON_LEFT, ON_ACROSS, ON_DOWN = (10, 20), (40, 48), (52, 64)
CROSSING = (40, 64)
#: Background, from where the mouse comes.
NOWHERE = (60, 4)


def last_message():
    return notification_manager.records[-1].message


def masks(person):
    return {key: person.mask(key) for key in person.session.instances}


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


def choose(person, action):
    """Choose an entry of a menu."""
    person.dock.findChild(QAction, f"entry_{action}").trigger()


def preview(person):
    return person.viewer.layers["well | preview"].data


def shows_no_preview(person):
    layer = person.viewer.layers["well | preview"]
    return not layer.visible and not layer.data.any()


def undo(person, before):
    """Take back one step: that was all."""
    person.press(Qt.Key_Z, CONTROL)
    assert same(masks(person), before)
    assert not person.session.can_undo


def test_every_edit_is_one_step_with_a_preview_where_it_takes_clicks(person):
    before = masks(person)
    (across,) = person.session.instances_at(*ON_ACROSS)
    (down,) = person.session.instances_at(*ON_DOWN)
    (left,) = person.session.instances_at(*ON_LEFT)

    # Split by points: the first click chooses the instance, a click on a point takes it away.
    person.press(Qt.Key_H, SHIFT)
    assert "click a point on each part" in person.text("banner_text")
    person.click(*ON_ACROSS)
    person.click(20, 90)
    assert "not on instance" in last_message()
    person.click_button("confirm")
    assert person.dock.selected == (across,)
    assert not person.session.can_undo
    person.click(40, 84)
    person.click(40, 72)
    assert len(np.unique(preview(person)[before[across]])) == 4  # three parts and their points
    person.click(40, 72)
    assert len(np.unique(preview(person)[before[across]])) == 3
    assert not preview(person)[~before[across]].any()
    assert same(masks(person), before)
    person.press(Qt.Key_Return)
    assert shows_no_preview(person)
    parts = [each for each in person.session.instances if each == across or each not in before]
    assert len(parts) == 2
    assert np.array_equal(sum(map(person.mask, parts)), before[across])
    assert np.array_equal(person.mask(down), before[down])
    undo(person, before)

    # "These are three": the banner has the number.
    person.click(*ON_LEFT)
    choose(person, "split_parts")
    number = person.dock.findChild(QSpinBox, "parts")
    assert number.isVisible()
    number.setValue(3)
    assert set(np.unique(preview(person)[before[left]])) == {1, 2, 3}
    person.qtbot.keyClick(number, Qt.Key_Return)
    assert len(person.session.instances) == len(before) + 2
    undo(person, before)

    # One pixel more, one less, and no holes to fill.
    person.click(*ON_LEFT)
    person.click_button("grow")
    grown = person.mask(left)
    person.click_button("grow")
    assert before[left].sum() < grown.sum() < person.mask(left).sum()
    for _ in range(2):
        person.click_button("shrink")
    assert np.array_equal(person.mask(left), before[left])
    for _ in range(3):
        person.click_button("undo")
    assert np.array_equal(person.mask(left), grown)
    undo(person, before)
    person.click(*ON_LEFT)
    choose(person, "fill")
    assert "has no holes" in last_message()

    # The crossing to one: a click on it chooses the owner, the next click the other one.
    choose(person, "overlap_one")
    person.click(*CROSSING)
    person.click(*CROSSING)
    (owner,) = person.dock.selected
    other = across if owner == down else down
    shared = before[across] & before[down]
    assert not preview(person)[shared].any()
    assert preview(person)[before[other] & ~shared].all()
    person.press(Qt.Key_Return)
    assert np.array_equal(person.mask(other), before[other] & ~shared)
    assert np.array_equal(person.mask(owner), before[owner])
    assert person.shown.instances.data[CROSSING] == owner

    # And back to both, with a brush that may be sloppy outside of them.
    choose(person, "overlap_both")
    layer = person.viewer.layers["well | overlap"]
    layer.brush_size = 3
    person.drag((39, 58), (39, 66))
    person.click_button("confirm")
    painted = np.zeros_like(shared)
    assert person.shown.instances.data[39, 64] == OVERLAP
    painted |= person.mask(across) & person.mask(down)
    assert (painted[38:41, 61:66]).all()
    assert not (person.mask(across) & ~before[across]).any()

    # Escape leaves a tool without a trace.
    state = masks(person)
    choose(person, "split_parts")
    person.press(Qt.Key_Escape)
    assert person.text("banner_text") == ""
    assert shows_no_preview(person)
    assert same(masks(person), state)


def test_every_instance_under_the_cursor_is_named_and_followed_by_edits_and_places(person):
    (across,) = person.session.instances_at(*ON_ACROSS)
    (down,) = person.session.instances_at(*ON_DOWN)

    def rest_at(place, told):
        """Move the mouse to a place, again until what is said there satisfies ``told``."""

        def said_so():
            person.qtbot.mouseMove(person.canvas, person.point(*NOWHERE))
            person.qtbot.mouseMove(person.canvas, person.point(*place))
            person.qtbot.wait(200)
            return told(person.text("under_cursor"))

        person.qtbot.waitUntil(said_so, timeout=30_000)

    rest_at(CROSSING, lambda text: text.count("draws") == 2)
    said = f"{across}: 1.00 (8 of 8 draws)\n{down}: 1.00 (8 of 8 draws)"
    assert person.text("under_cursor") in (said, "\n".join(reversed(said.split("\n"))))
    # Where two of eight draws see a shorter bar.
    expected = f"{across}: 0.75 (6 of 8 draws)"
    rest_at((40, 84), lambda text: text == expected)
    layer = person.shown.instances
    for place in (CROSSING, (40, 84)):
        status = layer.get_status(
            layer.data_to_world(place), view_direction=None, dims_displayed=[0, 1], world=True
        )
        assert f"{across}: " in status["value"]
        assert status["coordinates"].endswith(status["value"])
        assert str(OVERLAP) not in status["coordinates"]
    assert status["value"] == expected

    layers = person.shown.layers
    said = [layer.get_status(ON_DOWN, world=True)["value"] for layer in layers]
    assert said == [said[0]] * len(layers), "whichever layer is active"
    assert said[0].startswith("4: 1.00")
    assert person.shown.peaks.get_status((0, 96), world=True)["value"] != "background"

    person.click(*ON_DOWN)
    person._move(person.point(*ON_DOWN))
    before = person.text("under_cursor")
    assert before.startswith("4: 1.00")
    person.dock.act("delete")
    assert person.text("under_cursor") != before
    person.dock.act("undo")
    assert person.text("under_cursor") == before
    # The view moves under the cursor, which stands still.
    place = person.point(*ON_DOWN)
    person.dock.act("next")
    assert person.point(*ON_DOWN) != place
    followed = person.text("under_cursor")
    person._move(place)
    assert person.text("under_cursor") == followed != before


def test_keys_are_given_anew_at_once_and_for_the_next_time(person, open_proofread):
    choose(person, "keys")
    dialog = person.dock.findChild(KeysDialog)
    save = dialog.findChild(QPushButton, "save_keys")
    problem = dialog.findChild(QLabel, "key_problem")
    assert save.isEnabled()
    for key, why in (
        ("K", "Accept the place"),
        ("B", "napari itself"),
        ("Ctrl+Z", "napari itself"),
    ):
        dialog.field("next").setKeySequence(QKeySequence(key))
        assert why in problem.text()
        assert not save.isEnabled()
    dialog.field("next").setKeySequence(QKeySequence("R"))
    dialog.field("undo").setKeySequence(QKeySequence("Shift+R"))
    dialog.field("grow").setKeySequence(QKeySequence("Shift+G"))
    assert problem.text() == ""
    save.click()
    assert person.button("next").text() == "Next [R]"
    assert person.button("grow").text() == "Grow [Shift+G]"
    person.press(Qt.Key_N)
    assert person.session.position == 0
    person.press(Qt.Key_R)
    assert person.session.position == 1
    person.press(Qt.Key_K)
    person.press(Qt.Key_R, SHIFT)
    assert not person.session.can_undo
    # Napari's own undo of a Labels layer never comes back, whatever the key of ours is.
    person.press(Qt.Key_K)
    person.press(Qt.Key_Z, CONTROL)
    assert not person.session.can_undo
    assert load_keys(keys_file()).chosen == {"next": "R", "undo": "Shift+R", "grow": "Shift+G"}
    person.viewer.window.remove_dock_widget(person.dock)
    assert not person.viewer.keymap
    _, dock = open_proofread(person.viewer)
    assert dock.findChild(QPushButton, "next").text() == "Next [R]"
