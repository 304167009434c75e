"""A session that this dock holds is taken up again, not shown as somebody else's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QLabel, QPushButton

from napari_probinst.core.curation.session import CurationSession
from napari_probinst.core.curation.session_folder import create_session
from napari_probinst.core.data.prediction_file import save_prediction
from napari_probinst.core.errors import InputError
from napari_probinst.widgets.finding import shown_predictions
from napari_probinst.widgets.layers import show_prediction
from napari_probinst.widgets.proofreading import files
from napari_probinst.widgets.proofreading.earlier import earlier_session
from napari_probinst.widgets.reader import session_reader


def messages():
    return [record.message for record in notification_manager.records]


@pytest.fixture
def opened(viewer, open_proofread, make_prediction, tmp_path):
    """Path of a prediction's file, and the dock in which one place of it was accepted."""
    path = tmp_path / "well.prediction.npz"
    save_prediction(make_prediction(), path)
    _, dock = open_proofread(viewer)
    dock.open(path)
    dock.queue.accept()
    return path, dock


@pytest.mark.parametrize("again", ["file", "session", "prediction"])
def test_what_was_removed_is_opened_again_for_writing(opened, viewer, qtbot, again):
    path, dock = opened
    session = dock.shown.session
    viewer.layers.clear()
    qtbot.wait(10)
    assert dock.shown is None
    if again == "prediction":
        prediction = session.prediction
        image = viewer.add_image(np.zeros(prediction.shape), name="well")
        dock.choose(show_prediction(viewer, prediction, CurationSession(prediction), image))
    else:
        dock.open(path if again == "file" else path.with_name("well.probinst"))
    assert dock.shown.session is session
    assert dock.shown.instances in viewer.layers
    assert not dock.shown.kept.read_only
    dock.queue.accept()
    assert dock.shown.kept.n_waiting == 0
    assert not any("another window" in message for message in messages())
    assert len(list(path.parent.glob("*.probinst"))) == 1


def test_a_file_that_is_opened_twice_is_shown_once_until_its_image_comes(
    viewer, open_proofread, make_prediction, tmp_path
):
    path = tmp_path / "well.prediction.npz"
    save_prediction(make_prediction(), path)
    _, dock = open_proofread(viewer)
    dock.open(path)
    first = dock.shown
    dock.open(path)
    assert dock.shown is first
    assert list(shown_predictions(viewer)) == [first]
    image = viewer.add_image(np.zeros(first.prediction.shape), name="well")
    for _ in range(2):
        dock.open(path)
        assert dock.shown.image is image
    assert len(list(shown_predictions(viewer))) == 2
    # Also when that image was taken out of the viewer, and came again.
    viewer.layers.remove(image)
    again = viewer.add_image(np.zeros(first.prediction.shape), name="well")
    dock.open(path)
    assert dock.shown.image is again


def test_removed_instances_are_told_of_but_not_while_napari_closes(opened, viewer, qtbot):
    _, dock = opened
    viewer.layers.remove(dock.shown.instances)
    qtbot.waitUntil(lambda: any("were removed" in message for message in messages()))
    dock.open(opened[0])
    n_before = len(messages())
    viewer.close()
    qtbot.wait(20)
    assert len(messages()) == n_before


def test_the_command_of_the_reader_asks_for_a_file(opened, viewer, monkeypatch):
    path, dock = opened
    viewer.layers.clear()
    monkeypatch.setattr(files, "ask_prediction", lambda _dock: path)
    assert session_reader() is None
    assert dock.shown is not None


def test_a_stack_is_no_image_of_the_prediction_of_a_page(viewer, make_prediction):
    prediction = make_prediction()
    stack = viewer.add_image(np.zeros((3, *prediction.shape)), name="well")
    assert files.find_image(viewer, prediction) is None
    page = viewer.add_image(np.zeros(prediction.shape), name="page")
    assert files.find_image(viewer, prediction) is page
    assert stack in viewer.layers


def test_isolating_needs_an_instance_and_hides_other_labels(person):
    truth = person.viewer.add_labels(np.ones(person.session.shape, dtype=int), name="truth")
    person.viewer.layers.selection.active = person.shown.instances
    person.dock._bench.select(())
    person.press(Qt.Key_W)
    assert "click the one to isolate" in messages()[-1]
    assert person.shown.instances.visible
    person.click(52, 64)
    person.press(Qt.Key_W)
    assert not person.shown.instances.visible
    assert not truth.visible
    person.press(Qt.Key_W)
    assert person.shown.instances.visible
    assert truth.visible


def test_an_image_with_corrections_on_disk_offers_to_continue(
    viewer, open_proofread, put, make_prediction, as_person
):
    person = as_person(viewer)
    put(viewer, make_prediction())
    person.dock.queue.accept()
    viewer.window.remove_dock_widget(person.dock)
    viewer.layers.clear()
    viewer.add_image(np.zeros(make_prediction().shape), name="well")
    _, person.dock = open_proofread(viewer)
    person.qtbot.wait(20)
    assert person.button("continue").isVisible()
    assert person.button("continue").text().startswith("Continue well (")
    assert person.button("continue").text().endswith("0 edits, 1 decision)")
    person.click_button("continue")
    assert person.session.can_undo
    assert person.shown.image is viewer.layers["well"]
    assert not person.button("continue").isVisible()


def test_a_stack_offers_to_continue_its_plane(viewer, open_proofread, make_prediction, qtbot):
    prediction = make_prediction("film_002")
    viewer.add_image(np.zeros((4, *prediction.shape)), name="film")
    _, dock = open_proofread(viewer)
    image = viewer.layers["film"]
    dock.choose(
        show_prediction(
            viewer, prediction, CurationSession(prediction), image, plane=(2,), axes=(0,)
        )
    )
    dock.queue.accept()
    viewer.window.remove_dock_widget(dock)
    viewer.layers.clear()
    for n_planes in (2, 4):
        viewer.add_image(np.zeros((n_planes, *prediction.shape)), name="film")
        _, dock = open_proofread(viewer)
        qtbot.wait(20)
        button = dock.findChild(QPushButton, "continue")
        assert button.isVisible() == (n_planes == 4), "the shorter stack has no such plane"
        if n_planes == 2:
            viewer.window.remove_dock_widget(dock)
            viewer.layers.clear()
    assert button.text().startswith("Continue film_002 (")
    button.click()
    assert dock.shown.plane == (2,)
    assert dock.shown.session.can_undo


def test_rows_of_a_colour_image_are_no_planes(sessions, make_prediction):
    prediction = make_prediction("film_002")
    create_session(prediction, sessions / "film_002.probinst").close()
    viewer = ViewerModel()
    viewer.add_image(np.zeros((*prediction.shape, 3), np.uint8), name="film", rgb=True)
    assert earlier_session(viewer) is None
    viewer.layers.clear()
    viewer.add_image(np.zeros((3, *prediction.shape)), name="film")
    assert earlier_session(viewer).text.startswith("Continue film_002")


def test_what_is_offered_to_continue_is_of_the_selected_image(
    viewer, open_proofread, put, make_prediction, as_person
):
    names = ("well", "other")
    for name in names:
        put(viewer, make_prediction(name), name)
    person = as_person(viewer)
    for shown in tuple(shown_predictions(viewer)):
        person.dock.choose(shown)
        person.dock.queue.accept()
    viewer.window.remove_dock_widget(person.dock)
    viewer.layers.clear()
    for name in (*names, "new"):
        viewer.add_image(np.zeros(make_prediction().shape), name=name)
    _, person.dock = open_proofread(viewer)

    def offered(name):
        viewer.layers.selection = {viewer.layers[name]}
        person.qtbot.wait(20)
        return person.button("continue").text().split(" (")[0]

    assert [offered(name) for name in names] == ["Continue well", "Continue other"]
    # It has none of its own: the uppermost image that has one.
    viewer.layers.selection.active = viewer.layers["well"]
    assert offered("new") == "Continue other"
    person.click_button("continue")
    assert person.shown.image is viewer.layers["other"]


def test_what_is_being_opened_is_said_before_the_work(viewer, open_proofread, monkeypatch):
    _, dock = open_proofread(viewer)
    seen = []

    def refuse(*_):
        seen.append((dock.findChild(QLabel, "kind").text(), offers_enabled(dock)))
        seen.append(QApplication.overrideCursor().shape())
        raise InputError("It is no prediction.")

    monkeypatch.setattr(files, "open_path", refuse)
    dock.open(Path("well.probinst"))
    assert seen == [("Opening well.probinst…", [False, False]), Qt.CursorShape.WaitCursor]
    assert dock.findChild(QLabel, "kind").text().startswith("Run Predict")
    assert QApplication.overrideCursor() is None
    assert all(offers_enabled(dock))


def offers_enabled(dock):
    return [dock.findChild(QPushButton, name).isEnabled() for name in ("continue", "open")]
