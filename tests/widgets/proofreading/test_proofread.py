"""The Proofread dock, opened through the manifest and driven by mouse and keys."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from napari.utils._proxies import PublicOnlyProxy
from napari.utils.colormaps.standardize_color import transform_color
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QComboBox, QLabel, QSpinBox, QTableView

from napari_probinst.core.curation.corrected_file import load_corrected
from napari_probinst.core.curation.edits import SplitAlongLine
from napari_probinst.core.data.prediction_file import save_prediction
from napari_probinst.core.inference.scale import typical_width
from napari_probinst.core.instances import Instance
from napari_probinst.widgets.canvas import canvas_size, view_box
from napari_probinst.widgets.elided import short_name
from napari_probinst.widgets.label_view import OVERLAP, PALETTE
from napari_probinst.widgets.proofreading.canvas_message import text_overlay
from napari_probinst.widgets.proofreading.hypotheses import HypothesesStrip
from napari_probinst.widgets.proofreading.hypothesis_card import HypothesisCard
from napari_probinst.widgets.proofreading.queue_actions import QueueActions
from napari_probinst.widgets.proofreading.queue_words import short_reason
from napari_probinst.widgets.proofreading.tool_switch import BANNER_COLOUR
from napari_probinst.widgets.proofreading.under_cursor import UnderCursor
from napari_probinst.widgets.proofreading.zoom import object_width, zoom_to_peak

SHIFT = Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier
#: Points on the bars of the hand-made prediction.
ON_LEFT, ON_RIGHT, ON_ACROSS, ON_DOWN = (10, 20), (10, 60), (40, 48), (52, 64)
CROSSING = (40, 64)
LEFT_AND_RIGHT = (6, 8, 16, 72)


def last_message():
    records = notification_manager.records
    return records[-1].message if records else ""


def at(person, point):
    return person.session.instances_at(*point)


def test_queue_is_walked_with_keys_and_shown_in_words(person, qtbot):
    n_peaks = len(person.session.peaks)
    assert n_peaks >= 2
    assert person.text("position") == f"1 of {n_peaks}"
    assert "of 8 draws" in person.text("reason")
    assert "nats" in person.text("reason")
    person.press(Qt.Key_N)
    assert person.text("position") == f"2 of {n_peaks}"
    person.press(Qt.Key_N, SHIFT)
    assert person.text("position") == f"1 of {n_peaks}"
    person.press(Qt.Key_K)
    assert person.session.status(0) == "accepted"
    assert person.text("position") == f"2 of {n_peaks}"
    assert person.text("statistics").startswith("1 reviewed: ")
    person.press(Qt.Key_Q)
    assert person.session.status(1) == "skipped"
    for _ in range(2):
        person.click_button("undo")

    # A flagged place is left to others.
    person.session.position = 0
    person.button("flag").click()
    assert person.session.status(0) == "flagged"
    assert person.session.position == 1
    person.click_button("undo")

    # Keys are silent in a number field, and when they are fired twice.
    person.press(Qt.Key_N, SHIFT)
    assert person.session.position == 0
    field = QSpinBox()
    person.dock.content.addWidget(field)
    person.dock.window().activateWindow()
    qtbot.waitUntil(person.dock.window().isActiveWindow)
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    person.press(Qt.Key_N)
    assert person.session.position == 0
    person.canvas.setFocus()
    qtbot.waitUntil(lambda: not field.hasFocus())
    qtbot.keyClick(person.canvas, Qt.Key_N)
    qtbot.keyClick(person.canvas, Qt.Key_N)
    assert person.session.position == 1


def test_a_tool_and_the_end_of_the_queue_are_told_and_nothing_moves(person):
    names = ("next", "accept", "merge", "split", "undo", "save")

    def places():
        person.qtbot.wait(20)
        buttons = [person.button(name) for name in names]
        window = person.viewer.window._qt_window.rect()
        tops = [button.mapTo(button.window(), button.rect().center()) for button in buttons]
        # All are on a screen of 720 lines, whatever the dock says.
        assert all(
            button.isVisible() and window.contains(top)
            for button, top in zip(buttons, tops, strict=True)
        )
        return tops

    before = places()
    # A tool that is on is told on the canvas, in dark letters on a box.
    overlay = text_overlay(person.viewer)
    told_by = "box_color" if hasattr(overlay, "box_color") else "color"  # before napari 0.9
    colour_before = getattr(overlay, told_by)
    person.press(Qt.Key_G)
    assert places() == before
    assert overlay.text.startswith("MERGE")
    assert np.allclose(getattr(overlay, told_by), transform_color(BANNER_COLOUR)[0])
    assert told_by == "color" or np.array_equal(overlay.color, (0, 0, 0, 1))
    person.press(Qt.Key_Escape)
    assert np.array_equal(getattr(overlay, told_by), colour_before)

    for _ in person.session.peaks:
        person.press(Qt.Key_K)
    assert places() == before
    assert person.button("accept").isEnabled()
    assert person.text("finished") == "End of the queue"
    assert person.text("summary").startswith(
        f"{len(person.session.peaks)} accepted · 0 edits · 100 %"
    )
    assert "100 % of the uncertainty" in person.text("statistics")
    # The list is there again when it is asked for, and stays.
    table = person.dock.findChild(QTableView, "peaks")
    assert not table.isVisible()
    person.click_button("end_list")
    assert table.isVisible()
    person.press(Qt.Key_N, SHIFT)
    assert table.isVisible()
    assert person.text("finished") == "End of the queue"
    person.press(Qt.Key_Z, CONTROL)
    assert person.text("finished") == ""


def test_what_is_looked_at_stands_out_until_the_dock_closes_and_loses_nothing(person):
    viewer, shown = person.viewer, person.shown
    instances, page = shown.instances, viewer.layers["well | selection"].data
    involved = [index + 1 for index in person.session.peaks[person.session.position].instances]
    (selected,) = person.dock.selected
    others = [identifier for identifier in involved if identifier != selected]
    # The place's instances in full colours, the selected one first; all others are faint.
    assert instances.opacity < 0.5
    assert set(np.unique(page[person.mask(selected)])) == {1}
    for identifier in others:
        place = person.shown.colours.get(identifier, identifier % len(PALETTE))
        assert set(np.unique(page[person.mask(identifier)])) == {200 + place}
    elsewhere = np.setdiff1d(sorted(person.session.instances), involved)
    assert not page[person.mask(elsewhere[0])].any()
    # A member of a crossing that is selected doesn't cover the crossing.
    person.click(*ON_ACROSS)
    across, down = person.session.instances_at(*CROSSING)
    crossing = person.mask(across) & person.mask(down)
    assert set(np.unique(page[crossing])) == {255}
    assert page[ON_ACROSS] == 1
    # Isolated, the selected one is alone.
    person.press(Qt.Key_W)
    assert set(np.unique(page)) == {0, 1, 255}
    person.press(Qt.Key_W)
    assert set(np.unique(page)) > {0, 1, 255}

    # Marks on the canvas are of what is listed.
    marks, kinds = shown.peaks, person.dock.findChild(QComboBox, "kinds")
    outlines = np.array([peak.kind == "contour" for peak in person.session.peaks])
    assert outlines.any()
    assert not outlines.all()
    kinds.setCurrentText("All but outlines")
    kinds.activated.emit(1)
    assert np.array_equal(marks.border_color[:, 3] > 0, ~outlines)
    assert person.text("position") == f"1 of {np.count_nonzero(~outlines)}"
    told = person.dock.findChild(QLabel, "statistics").toolTip()
    assert told.startswith(f"{np.count_nonzero(outlines)} contour place")

    person.click(*ON_DOWN)
    person.click_button("delete")
    n_messages = len(notification_manager.records)
    viewer.window.remove_dock_widget(person.dock)
    # Every correction is on the disk: there is nothing to warn of.
    assert len(notification_manager.records) == n_messages
    assert instances.opacity == 0.9
    assert (marks.border_color[:, 3] > 0).all()
    assert [layer.name for layer in viewer.layers] == [
        "well",
        "well | probability",
        "well | entropy",
        "well | instances",
        "well | peaks",
    ]
    assert not viewer.keymap
    assert not shown.instances.keymap
    assert not any("probinst" in each.__module__ for each in viewer.mouse_drag_callbacks)
    _, dock = viewer.window.add_plugin_dock_widget("napari-probinst", "Proofread")
    assert dock.shown is shown
    assert dock.shown.session.can_undo


def test_what_is_under_the_cursor_keeps_two_lines(qtbot):
    label = UnderCursor()
    qtbot.addWidget(label)
    label.resize(300, 40)
    height = label.sizeHint().height()
    lines = [f"{number}: 1.00 (8 of 8 draws)" for number in range(1, 5)]
    label.show_lines(lines)
    assert label.text().splitlines() == [lines[0], f"{lines[1]} (+2 more)"]
    assert label.toolTip().endswith("\n".join(lines))
    assert label.sizeHint().height() == height
    label.show_lines(["1: " + 80 * "long "])
    assert label.text().endswith("…")


def test_zoom_shows_the_context_of_the_place_and_what_the_hypotheses_would_change(person):
    older = SimpleNamespace(window=person.viewer.window)  # states no canvas
    assert canvas_size(older) == (person.canvas.height(), person.canvas.width())
    assert canvas_size(PublicOnlyProxy(older)) == canvas_size(person.viewer)

    person.press(Qt.Key_J)
    peak = person.session.peaks[person.session.position]
    centre = person.camera.center[-2:]
    assert np.allclose(centre, (peak.y + 1.5, peak.x + 1.5))
    # Context: the patch with an object's width of about 10 pixels on either side.
    shorter = min(person.canvas.width(), person.canvas.height())
    assert 4 * 20 <= shorter / person.camera.zoom <= 6 * 26

    width = 2.0
    shown, peak = person.shown.instances, person.session.peaks[0]
    place = (person.viewer, shown, peak, 4, width)
    zoom_to_peak(*place, wholes=[LEFT_AND_RIGHT])
    y0, x0, y1, x1 = view_box(person.viewer, shown)
    assert (y0, x0) < LEFT_AND_RIGHT[:2]
    assert (y1, x1) > LEFT_AND_RIGHT[2:]
    # One that would make all else tiny is left alone.
    zoom_to_peak(*place)
    usual = view_box(person.viewer, shown)
    zoom_to_peak(*place, wholes=[(0, 0, 64, 1000)])
    assert view_box(person.viewer, shown) == usual

    # The view is known when rows and columns are swapped.
    order = person.viewer.dims.order
    person.viewer.dims.order = (1, 0)
    zoom_to_peak(*place)
    y0, x0, y1, x1 = view_box(person.viewer, shown)
    assert abs((y0 + y1) / 2 - (peak.y + 2)) <= 1
    assert abs((x0 + x1) / 2 - (peak.x + 2)) <= 1
    # The rows of the image lie along the width of the canvas.
    assert (y1 - y0 > x1 - x0) is (person.canvas.width() > person.canvas.height())
    person.viewer.dims.order = order

    # Actions of the queue and the backdrop need no arrival.
    dock = person.dock
    queue = QueueActions(dock._desk, dock.edits, dock._walk, dock._panel, dock._refresh)
    person.camera.zoom = 0.5
    queue.jump()
    assert person.camera.zoom != 0.5
    assert person.shown.backdrop.shape == person.session.shape

    # The user's zoom is kept where that is asked for.
    person.dock.findChild(QCheckBox, "keep_zoom").setChecked(True)
    person.camera.zoom = 3.5
    person.press(Qt.Key_N)
    peak = person.session.peaks[person.session.position]
    assert person.camera.zoom == 3.5
    assert np.allclose(person.camera.center[-2:], (peak.y + 1.5, peak.x + 1.5))
    person.press(Qt.Key_J)
    assert person.camera.zoom != 3.5


def test_merges_and_cuts_leave_other_instances_alone(person):
    left, right = at(person, ON_LEFT)[0], at(person, ON_RIGHT)[0]
    across = person.mask(at(person, ON_ACROSS)[0])
    together = person.mask(left) | person.mask(right)
    person.press(Qt.Key_G)
    assert "MERGE" in person.text("banner_text")
    assert person.dock.findChild(object, "banner").isVisible()
    person.click(*ON_LEFT)
    person.click(*ON_RIGHT)
    assert set(person.dock.selected) == {left, right}
    person.press(Qt.Key_G)
    assert at(person, ON_LEFT) == at(person, ON_RIGHT)
    assert np.array_equal(person.mask(at(person, ON_LEFT)[0]), together)
    assert np.array_equal(person.mask(at(person, ON_ACROSS)[0]), across)
    assert not person.dock.findChild(object, "banner").isVisible()
    person.press(Qt.Key_Z, CONTROL)

    # What was picked before stays picked at its first click; the second one unpicks it.
    person.click(*ON_LEFT)
    person.press(Qt.Key_G)
    person.click(*ON_RIGHT)
    person.click(*ON_LEFT)
    assert set(person.dock.selected) == {left, right}
    person.click(*ON_LEFT)
    assert person.dock.selected == (right,)
    person.press(Qt.Key_Escape)

    # A crossing is shown, and its instances are picked in turn.
    assert person.shown.instances.data[CROSSING] == OVERLAP
    both = set(at(person, CROSSING))
    assert len(both) == 2
    person.click(*CROSSING)
    first = person.dock.selected
    person.click(*CROSSING)
    second = person.dock.selected
    assert {*first, *second} == both
    assert len(first) == len(second) == 1

    # A line splits only the selected instance.
    person.click(*ON_ACROSS)
    (across,) = person.dock.selected
    down = person.mask(at(person, ON_DOWN)[0])
    before = person.mask(across)
    n_before = len(person.session.instances)
    person.press(Qt.Key_H)
    assert "SPLIT" in person.text("banner_text")
    person.drag((30, 52), (50, 52))
    assert len(person.session.instances) == n_before + 1
    first, second = at(person, (40, 45))[0], at(person, (40, 80))[0]
    assert first != second
    # No slivers: the parts are the whole, and share nothing.
    assert np.array_equal(person.mask(first) | person.mask(second), before)
    assert not (person.mask(first) & person.mask(second)).any()
    assert np.array_equal(person.mask(at(person, ON_DOWN)[0]), down)
    assert person.viewer.layers["well | cut"].nshapes == 0
    assert person.camera.mouse_pan
    person.press(Qt.Key_Z, CONTROL)
    assert not person.session.can_undo

    # A line that is drawn quickly begins where the button was pressed.
    person.press(Qt.Key_H)
    person.drag((30, 52), (50, 52), steps=1)
    assert len(person.session.instances) == n_before + 1
    person.press(Qt.Key_Z, CONTROL)

    # A window that was busy hears of its two ends alone.
    person.press(Qt.Key_H)
    ends = person.point(30, 52), person.point(50, 52)
    person.qtbot.mousePress(person.canvas, Qt.MouseButton.LeftButton, pos=ends[0])
    person.qtbot.mouseRelease(person.canvas, Qt.MouseButton.LeftButton, pos=ends[1])
    assert len(person.session.instances) == n_before + 1
    person.press(Qt.Key_Z, CONTROL)

    # A refused edit is a sentence, and changes nothing.
    person.click(*ON_ACROSS)
    person.press(Qt.Key_H)
    person.drag((2, 80), (2, 92))
    assert "misses" in last_message()
    assert not person.session.can_undo
    # A notification is cut off where it is long: the banner has room for all of it.
    assert person.text("banner_text").startswith("SPLIT: The line misses instance")
    person.press(Qt.Key_Escape)
    assert person.text("banner_text") == ""
    person.press(Qt.Key_H)
    assert "misses" not in person.text("banner_text")
    person.click(60, 4)
    person.drag((58, 4), (58, 24))
    assert person.text("banner_text").startswith("SPLIT: No instance lies under the line")
    person.press(Qt.Key_Escape)

    # What an edit makes differs in colour from what is beside it. No id is used twice: after so
    # many cuts, by turns, one part would have the other's colour.
    cut = SplitAlongLine(1, ((0, 20), (30, 20)))
    for _ in PALETTE:
        person.session.apply(cut)
        parts = [person.session.instances_at(10, x)[0] for x in (14, 30)]
        colours = person.shown.instances.colormap.color_dict
        assert parts[0] != parts[1]
        assert not np.array_equal(colours[parts[0]], colours[parts[1]])
        person.session.undo()


def test_undo_is_one_history_over_edits_and_decisions_and_never_over_strokes(person):
    """Napari's own undo of a Labels layer would replay strokes into masks changed since."""
    layer = person.shown.instances
    original = layer.data.copy()
    # Somebody unlocks the layer and paints on it with napari's brush.
    layer.editable = True
    layer.selected_label = 1
    layer.paint((60, 5), 1)
    layer.editable = False
    layer.data[...] = original
    person.click(*ON_LEFT)
    person.click_button("delete")
    after = layer.data.copy()
    assert person.viewer.layers.selection.active == layer
    person.press(Qt.Key_Z, CONTROL)
    assert np.array_equal(layer.data, original)
    person.press(Qt.Key_Z, CONTROL)
    assert np.array_equal(layer.data, original)
    person.press(Qt.Key_Z, CONTROL | SHIFT)
    assert np.array_equal(layer.data, after)
    person.click_button("undo")

    person.press(Qt.Key_K)
    person.click(*ON_DOWN)
    person.click_button("delete")
    assert at(person, ON_DOWN) == ()
    person.click_button("undo")
    assert len(at(person, ON_DOWN)) == 1
    assert person.session.status(0) == "accepted"
    assert "Taken back: delete (" in person.text("reason")
    person.click_button("undo")
    assert person.session.status(0) == "open"
    # It was another place than the one that is shown.
    assert person.session.position == 1
    assert person.text("reason").endswith("Taken back: peak 1 accepted.")
    assert not person.button("undo").isEnabled()
    person.click_button("redo")
    assert person.session.status(0) == "accepted"
    assert person.text("reason").endswith("Made again: peak 1 accepted.")
    person.press(Qt.Key_N, SHIFT)
    assert "Made again" not in person.text("reason")


def test_painting_is_one_edit_and_is_thrown_away_only_when_asked_twice(person):
    person.click_button("add")
    person.drag((60, 10), (60, 30))
    person.press(Qt.Key_Escape)
    brush = person.viewer.layers["well | new"]
    assert brush.visible
    assert "Esc again to discard" in last_message()
    for _ in range(2):
        person.press(Qt.Key_N)
    assert person.session.position == 0
    assert brush.visible
    person.press(Qt.Key_Escape)
    assert not brush.visible
    assert not person.session.can_undo

    # What is repainted spares the instance that crosses it.
    person.click(*ON_DOWN)
    (down,) = person.dock.selected
    before, across = person.mask(down), person.mask(at(person, ON_ACROSS)[0])
    person.click_button("repaint")
    layer = person.viewer.layers["well | repaint"]
    layer.brush_size = 4
    layer.mode = "erase"
    person.drag((40, 62), (40, 66))
    person.drag((42, 62), (42, 66))
    # Undo belongs to the brush while it paints.
    person.press(Qt.Key_Z, CONTROL)
    assert not person.session.can_undo
    person.click_button("confirm")
    assert person.mask(down).sum() < before.sum()
    assert np.array_equal(person.mask(at(person, ON_ACROSS)[0]), across)
    person.press(Qt.Key_Z, CONTROL)
    assert np.array_equal(person.mask(down), before)
    assert not person.session.can_undo

    # What is added is painted in a layer of its own.
    n_before = len(person.session.instances)
    person.click_button("add")
    layer = person.viewer.layers["well | new"]
    assert person.viewer.layers.selection.active == layer
    assert not layer.data.any()
    person.press(Qt.Key_Z, CONTROL)
    assert not layer.data.any(), "strokes of another painting came back"
    layer.brush_size = 5
    person.drag((60, 10), (60, 30))
    assert layer.data.any()
    painted = layer.data > 0
    person.click_button("confirm")
    assert len(person.session.instances) == n_before + 1
    assert np.array_equal(person.mask(at(person, (60, 20))[0]), painted)
    assert not layer.visible
    assert person.viewer.layers.selection.active == person.shown.instances


def test_save_writes_results_beside_the_prediction_and_says_so(person, tmp_path):
    asked = []
    person.dock.choose_folder = lambda start: asked.append(start) or tmp_path
    person.click(*ON_DOWN)
    person.click_button("delete")
    assert "Saved" not in person.text("saved")
    person.click_button("save")
    assert "Saved " in person.text("saved")
    assert f" to {short_name(tmp_path.name)}." in person.text("saved")
    assert str(tmp_path) in person.dock.findChild(QLabel, "saved").toolTip().splitlines()
    assert (tmp_path / "well.prediction.npz").is_file()
    curated = load_corrected(tmp_path / "well.corrected.npz")
    assert len(curated.instances) == len(person.session.instances)
    prediction = (tmp_path / "well.prediction.npz").read_bytes()
    person.click_button("undo")
    assert person.text("saved").endswith("; 1 change since.")
    person.click_button("save")
    assert len(asked) == 1
    assert (tmp_path / "well.prediction.npz").read_bytes() == prediction


def test_prediction_file_is_opened_on_its_image_and_edited_in_its_pixels(
    viewer, make_prediction, as_person, tmp_path
):
    path = tmp_path / "well.prediction.npz"
    save_prediction(make_prediction(), path)
    image = viewer.add_image(
        np.zeros((64, 96)), name="well", scale=(0.5, 0.25), translate=(100, -30), rotate=30
    )
    person = as_person(viewer)
    assert person.shown is None
    person.dock.open(path)
    assert person.shown.image == image
    assert person.shown.folder == tmp_path
    # Scaled, turned and moved images are edited in their own pixels.
    for layer in person.shown.layers:
        assert np.allclose(layer.data_to_world((5, 7)), image.data_to_world((5, 7)))
    person.show_all()
    person.click(*ON_DOWN)
    assert person.dock.selected == at(person, ON_DOWN)
    n_before = len(person.session.instances)
    person.press(Qt.Key_H)
    person.drag((50, 55), (50, 73))
    assert len(person.session.instances) == n_before + 1
    person.press(Qt.Key_J)
    peak = person.session.peaks[person.session.position]
    expected = image.data_to_world((peak.y + 1.5, peak.x + 1.5))
    assert np.allclose(person.camera.center[-2:], expected)
    person.dock.open(tmp_path / "absent.prediction.npz")
    assert "absent" in last_message()


def test_two_images_renamed_and_duplicated_layers_confuse_nothing(
    viewer, put, make_prediction, as_person
):
    first = put(viewer, make_prediction("a"), "a")
    second = put(viewer, make_prediction("b"), "b")
    person = as_person(viewer)
    dock = person.dock
    dock.choose(second)
    second.instances.name = "first | instances"
    duplicate = type(second.instances)(
        second.instances.data.copy(), metadata=second.instances.metadata
    )
    viewer.add_layer(duplicate)
    viewer.layers.selection.active = second.instances
    person.show_all()
    before = first.instances.data.copy()
    person.click(*ON_DOWN)
    person.click_button("delete")
    assert second.session.can_undo
    assert not first.session.can_undo
    assert np.array_equal(first.instances.data, before)
    assert dock.shown is second
    dock.choose(first)
    assert sum(layer.name.endswith("selection") for layer in viewer.layers) == 1


def test_removed_instances_are_chosen_again_and_keep_their_corrections(person):
    shown, layers = person.shown, person.viewer.layers
    before = [layer.name for layer in layers]
    person.dock.act("accept")
    layers.remove(shown.instances)
    advice = "choose it at the top of Proofread"
    assert advice in person.text("reason")
    person.dock.act("next")
    assert advice in last_message()
    box = person.dock.findChild(QComboBox, "predictions")
    assert (box.count(), box.currentIndex()) == (1, -1)
    assert box.placeholderText() == "Choose a prediction…"
    box.setCurrentIndex(0)
    box.activated.emit(0)
    assert person.shown is shown
    assert [layer.name for layer in layers] == before, "they lie below the selection"

    person.qtbot.waitUntil(lambda: "corrections kept" in last_message())
    person.show_all()
    person.click(*ON_DOWN)
    person.click_button("delete")
    notification_manager.records.clear()
    layers.remove(shown.instances)
    person.qtbot.waitUntil(lambda: "corrections kept" in last_message())
    person.dock.choose(shown)
    assert shown.instances in list(layers)
    person.press(Qt.Key_Z, CONTROL)
    assert len(at(person, ON_DOWN)) == 1


def test_without_peaks_or_instances_editing_still_works(viewer, put, make_prediction, as_person):
    person = None
    for kind in ("certain", "empty"):
        shown = put(viewer, make_prediction(kind, **{kind: True}), kind)
        person = person or as_person(viewer)
        person.dock.choose(shown)
        assert person.text("position") == "0 of 0", kind
        assert not person.button("next").isEnabled(), kind
        for key in (Qt.Key_N, Qt.Key_K, Qt.Key_J):
            person.press(key)
        person.click_button("add")
        person.drag((60, 10), (60, 30))
        person.click_button("confirm")
        assert len(at(person, (60, 20))) == 1, kind


def test_two_viewers_keep_apart(make_napari_viewer, put, make_prediction, open_proofread):
    one, two = make_napari_viewer(), make_napari_viewer()
    first, second = put(one, make_prediction("a"), "a"), put(two, make_prediction("b"), "b")
    docks = [open_proofread(each)[1] for each in (one, two)]
    assert [dock.shown for dock in docks] == [first, second]
    docks[0].queue.accept()
    assert first.session.can_undo
    assert not second.session.can_undo


def test_a_hypothesis_is_told_adopted_and_taken_back_and_says_what_it_has_done(person):
    strip = person.dock.findChild(HypothesesStrip)
    # Votes in words, in the head of the dock and in its table, are those of the pictures.
    for peak in person.session.peaks:
        (first, *_) = [card for card in strip.findChildren(HypothesisCard) if not card.isHidden()]
        assert first.text() == short_reason(peak.reason)
        assert person.text("reason").lower().startswith(peak.reason.lower())
        person.press(Qt.Key_N)
    while person.session.position > 0:
        person.press(Qt.Key_N, SHIFT)

    before = {key: person.mask(key) for key in person.session.instances}
    other = next(card for card in strip.findChildren(HypothesisCard) if not card.is_current)
    assert other.isVisibleTo(strip)
    other.click()
    assert person.session.can_undo
    assert any(
        key not in person.session.instances or not np.array_equal(person.mask(key), mask)
        for key, mask in before.items()
    )
    person.press(Qt.Key_Z, CONTROL)
    assert set(person.session.instances) == set(before)
    for key, mask in before.items():
        np.testing.assert_array_equal(person.mask(key), mask)

    before = person.session.position
    strip.choose(1)  # LEFT and RIGHT are one
    assert person.session.status(before) == "touched"
    assert "2 instances changed." in person.text("reason")
    person.press(Qt.Key_N)
    assert "changed" not in person.text("reason")
    person.press(Qt.Key_N, SHIFT)
    assert person.session.position == before, "the place that was settled isn't passed over"

    person.click_button("undo")
    assert "changed" not in person.text("reason")
    person.camera.center = (0, 500, 500)
    strip.choose(1)
    assert "2 instances changed, 2 of them beyond the view." in person.text("reason")


def test_one_instance_is_isolated_and_the_uncertainty_switched(person):
    shown = person.dock.shown
    before = [layer.visible for layer in shown.layers]
    person.press(Qt.Key_W)
    assert not any(layer.visible for layer in shown.layers)
    person.press(Qt.Key_W)
    assert [layer.visible for layer in shown.layers] == before
    person.press(Qt.Key_U)
    assert shown.entropy.visible is not before[1]
    person.press(Qt.Key_U)
    assert [layer.visible for layer in shown.layers] == before

    # Isolating needs an instance, and hides other labels.
    truth = person.viewer.add_labels(np.ones(person.session.shape, dtype=int), name="truth")
    person.viewer.layers.selection.active = shown.instances
    person.dock._bench.select(())
    person.press(Qt.Key_W)
    assert "click the one to isolate" in last_message()
    assert shown.instances.visible
    person.click(*ON_DOWN)
    person.press(Qt.Key_W)
    assert not shown.instances.visible
    assert not truth.visible
    person.press(Qt.Key_W)
    assert shown.instances.visible
    assert truth.visible


def test_an_object_is_as_wide_as_a_model_would_measure_it():
    square = Instance((0, 0, 20, 20), np.ones((20, 20), bool))
    assert object_width([square]) == typical_width([square]) == 20
    assert object_width([]) == 10
