"""The Proofread dock on a session folder: nothing that a curator does can be lost."""

from __future__ import annotations

import numpy as np
import pytest
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt

from napari_probinst.core.curation.journal import JournalWriter
from napari_probinst.core.curation.manifest import JOURNAL, MANIFEST
from napari_probinst.core.curation.session_folder import open_session
from napari_probinst.core.data.prediction_file import save_prediction
from napari_probinst.core.errors import OutputError
from napari_probinst.widgets.label_view import label_page
from napari_probinst.widgets.layers import remove_layers

ON_DOWN, ON_LEFT = (52, 64), (10, 20)


def last_message():
    return notification_manager.records[-1].message


def delete(person, point):
    person.click(*point)
    person.click_button("delete")


def masks(session):
    return {key: each.full(session.shape).tobytes() for key, each in session.instances.items()}


@pytest.fixture
def full_disk(monkeypatch):
    append, full = JournalWriter.append, []

    def refuse(writer, record):
        if full:
            raise OutputError("The disk is full: free space.")
        append(writer, record)

    monkeypatch.setattr(JournalWriter, "append", refuse)
    return full


def test_corrections_go_to_disk_at_once_and_are_taken_up_again(
    person, sessions, put, make_prediction
):
    path = sessions / "well.probinst"
    person.press(Qt.Key_N)
    assert list(sessions.iterdir()) == []
    assert person.text("saved").startswith("No corrections yet")
    delete(person, ON_DOWN)
    assert person.text("saved") == "Every correction is on disk: well.probinst"
    person.press(Qt.Key_K)
    person.press(Qt.Key_Z, Qt.KeyboardModifier.ControlModifier)
    with open_session(path, read_only=True) as written:
        assert masks(written.session) == masks(person.session)
        assert written.session.position == person.session.position
    before, position = masks(person.session), person.session.position

    # The dock goes, and the layers; a line is torn; then the same prediction is there again.
    viewer = person.viewer
    viewer.window.remove_dock_widget(person.dock)
    viewer.layers.clear()
    with (path / JOURNAL).open("ab") as file:
        file.write(b'{"time": "20')
    first_message = len(notification_manager.records)
    again = put(viewer, make_prediction())
    _, person.dock = viewer.window.add_plugin_dock_widget("napari-probinst", "Proofread")
    said = [each.message for each in notification_manager.records[first_message:]]
    assert any("was not finished" in each for each in said)
    assert any("taken up again: 1 edit, 0 decisions" in each for each in said)
    assert person.shown is again
    assert masks(person.session) == before
    assert person.session.position == position
    assert np.array_equal(again.instances.data, label_page(person.session, (0, 0, 64, 96)))
    assert person.button("redo").isEnabled()

    # Another prediction of an image of that name gets a folder of its own.
    other = put(viewer, make_prediction(certain=True), "other")
    person.dock.choose(other)
    assert masks(other.session) != before
    content = (path / JOURNAL).read_bytes()
    person.show_all()
    delete(person, ON_LEFT)
    assert "holds other corrections" in last_message()
    assert "well-2.probinst" in person.text("saved")
    assert (path / JOURNAL).read_bytes() == content


def test_session_that_is_in_use_can_be_looked_at_only(
    viewer, put, make_prediction, as_person, sessions
):
    person = as_person(viewer)
    put(viewer, make_prediction())
    delete(person, ON_DOWN)
    path = sessions / "well.probinst"
    viewer.window.remove_dock_widget(person.dock)
    with open_session(path):
        person = as_person(viewer)
        assert person.text("saved").startswith("READ-ONLY")
        before = masks(person.session)
        delete(person, ON_LEFT)
        assert "reading only" in last_message()
        person.press(Qt.Key_K)
        person.click_button("undo")
        assert masks(person.session) == before
        assert person.session.status(0) == "open"
        person.press(Qt.Key_N)
        assert person.session.position == 1
    # Given free elsewhere: opened again it can be corrected, by its manifest as by its folder.
    person.dock.open(path / MANIFEST)
    assert person.text("saved") == "Every correction is on disk: well.probinst"
    assert sum("instances" in layer.name for layer in viewer.layers) == 1
    shown = person.shown
    person.dock.open(path)
    assert person.shown is shown
    person.click_button("undo")
    assert not person.session.can_undo


def test_session_is_opened_by_file_open_beside_its_image(viewer, make_prediction, tmp_path):
    save_prediction(make_prediction(), tmp_path / "well.prediction.npz")
    _, dock = viewer.window.add_plugin_dock_widget("napari-probinst", "Proofread")
    dock.open(tmp_path / "well.prediction.npz")
    dock.queue.accept()
    path = tmp_path / "well.probinst"
    assert (path / JOURNAL).is_file()
    viewer.window.remove_dock_widget(dock)
    viewer.layers.clear()
    viewer.add_image(np.zeros((64, 96)), name="well")
    viewer.open(path, plugin="napari-probinst")
    dock = viewer.window.dock_widgets["Proofread (napari-probinst)"]
    assert dock.shown.kept.path == path
    assert dock.shown.session.status(0) == "accepted"
    assert dock.shown.image is viewer.layers["well"]
    (path / MANIFEST).write_text("{")
    viewer.window.remove_dock_widget(dock)
    viewer.layers.clear()
    dock = viewer.window.add_plugin_dock_widget("napari-probinst", "Proofread")[1]
    dock.open(path)
    assert "damaged" in last_message()
    assert (path / MANIFEST).read_text() == "{"


def test_full_disk_is_said_and_saving_elsewhere_mends_it(person, full_disk, tmp_path):
    delete(person, ON_DOWN)
    full_disk.append(True)
    delete(person, ON_LEFT)
    assert person.text("saved").startswith("NOT ON DISK: 1 change. The disk is full")
    assert len(person.session.instances) == 2
    answers = []
    person.dock.guard.confirm = lambda question: bool(answers.append(question))
    person.viewer.window._qt_window.close()
    assert "not on disk" in answers[0]
    viewer = person.viewer
    viewer.window.remove_dock_widget(person.dock)
    assert "not on disk" in last_message()
    _, person.dock = viewer.window.add_plugin_dock_widget("napari-probinst", "Proofread")
    assert person.text("saved").startswith("NOT ON DISK: 1 change")
    person.dock.choose_folder = lambda _: tmp_path
    person.click_button("save")
    assert "on disk: well.probinst" in person.text("saved")
    assert (tmp_path / "well.corrected.npz").is_file()
    with open_session(tmp_path / "well.probinst", read_only=True) as moved:
        assert masks(moved.session) == masks(person.session)


def test_unfinished_painting_is_asked_about_and_stays_whatever_goes(
    person, as_person, put, make_prediction
):
    viewer, window = person.viewer, person.viewer.window._qt_window
    answers = []

    def paint(person):
        person.click_button("add")
        person.drag((60, 10), (60, 30))
        notification_manager.records.clear()
        return viewer.layers["well | new"]

    def check(painting, what_went):
        """See that it stays, and take it away."""
        assert painting.data.any(), what_went
        said = [each.message for each in notification_manager.records]
        assert any("stays as the layer 'well | new'" in each for each in said), what_went
        person.qtbot.wait(10)
        assert painting in viewer.layers, what_went
        viewer.layers.remove(painting)

    painting = paint(person)
    person.dock.guard.confirm = lambda question: bool(answers.append(question))
    window.close()
    assert "painting isn't finished" in answers[0]
    assert window.isVisible()
    viewer.window.remove_dock_widget(person.dock)
    assert "stays as the layer 'well | new'" in last_message()
    check(painting, "the dock")

    again = as_person(viewer)
    painting = paint(again)
    viewer.layers.remove(again.shown.instances)
    check(painting, "the instances, by the user")

    viewer.layers.clear()
    shown = put(viewer, make_prediction())
    assert again.shown is shown
    again.show_all()
    painting = paint(again)
    remove_layers(viewer, shown)
    check(painting, "the prediction")
