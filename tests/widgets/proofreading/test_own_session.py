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
from napari_probinst.widgets.canvas import camera
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


def test_what_was_removed_is_opened_again_for_writing(opened, viewer, qtbot, monkeypatch):
    path, dock = opened
    session = dock.shown.session

    def remove():
        viewer.layers.clear()
        qtbot.waitUntil(lambda: dock.shown is None)

    def check(way):
        assert dock.shown.session is session, way
        assert dock.shown.instances in viewer.layers, way
        assert not dock.shown.kept.read_only, way
        dock.queue.accept()
        assert dock.shown.kept.n_waiting == 0, way
        assert not any("another window" in message for message in messages()), way
        assert len(list(path.parent.glob("*.probinst"))) == 1, way

    for file in (path, path.with_name("well.probinst")):
        remove()
        dock.open(file)
        check(file.name)

    # The command of the reader asks for a file.
    remove()
    with monkeypatch.context() as patched:
        patched.setattr(files, "ask_prediction", lambda _dock: path)
        assert session_reader() is None
    check("reader")

    remove()
    prediction = session.prediction
    image = viewer.add_image(np.zeros(prediction.shape), name="well")
    dock.choose(show_prediction(viewer, prediction, CurationSession(prediction), image))
    check("the same prediction")


def test_what_is_opened_is_said_at_first_and_shown_once_until_its_image_comes(
    viewer, open_proofread, make_prediction, tmp_path, monkeypatch
):
    _, dock = open_proofread(viewer)
    seen = []

    def refuse(*_):
        seen.append((dock.findChild(QLabel, "kind").text(), offers_enabled(dock)))
        seen.append(QApplication.overrideCursor().shape())
        raise InputError("It is no prediction.")

    with monkeypatch.context() as patched:
        patched.setattr(files, "open_path", refuse)
        dock.open(Path("well.probinst"))
    assert seen == [("Opening well.probinst…", [False, False]), Qt.CursorShape.WaitCursor]
    assert dock.findChild(QLabel, "kind").text().startswith("Run Predict")
    assert QApplication.overrideCursor() is None
    assert all(offers_enabled(dock))

    path = tmp_path / "well.prediction.npz"
    save_prediction(make_prediction(), path)
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


def test_what_is_shown_already_is_brought_into_view_and_said_to_be(opened, viewer):
    path, dock = opened
    shown = dock.shown
    n_layers = len(viewer.layers)
    aside = viewer.add_image(np.zeros((4, 4)), name="aside")
    assert viewer.layers.selection.active is aside
    shown.instances.visible = False
    camera(viewer).center = (0, 5000, 5000)
    dock.open(path)
    assert messages()[-1] == "well.prediction.npz is shown already, as 'well | instances'."
    assert notification_manager.records[-1].severity == "info"
    assert viewer.layers.selection.active is shown.instances
    assert shown.instances.visible
    assert camera(viewer).center[-1] < 96
    assert len(viewer.layers) == n_layers + 1


def test_removed_instances_are_told_of_but_not_while_napari_closes(opened, viewer, qtbot):
    _, dock = opened
    viewer.layers.remove(dock.shown.instances)
    qtbot.waitUntil(lambda: any("were removed" in message for message in messages()))
    dock.open(opened[0])
    n_before = len(messages())
    viewer.close()
    qtbot.wait(20)
    assert len(messages()) == n_before


def test_a_stack_is_no_image_of_the_prediction_of_a_page(make_prediction):
    viewer, prediction = ViewerModel(), make_prediction()
    stack = viewer.add_image(np.zeros((3, *prediction.shape)), name="well")
    assert files.find_image(viewer, prediction) is None
    page = viewer.add_image(np.zeros(prediction.shape), name="page")
    assert files.find_image(viewer, prediction) is page
    assert stack in viewer.layers


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


def test_corrections_on_disk_of_the_selected_image_are_offered_to_continue(
    viewer, open_proofread, put, make_prediction, as_person
):
    names = ("well", "other")
    person = as_person(viewer)
    # The dock takes up what comes while it is open.
    put(viewer, make_prediction("well"), "well")
    person.dock.queue.accept()
    person.dock.choose(put(viewer, make_prediction("other"), "other"))
    person.dock.queue.accept()
    viewer.window.remove_dock_widget(person.dock)
    viewer.layers.clear()
    for name in (*names, "new"):
        viewer.add_image(np.zeros(make_prediction().shape), name=name)
    _, person.dock = open_proofread(viewer)

    def offered(name):
        viewer.layers.selection = {viewer.layers[name]}
        person.qtbot.wait(20)
        assert person.button("continue").isVisible()
        said, _, done = person.button("continue").text().partition(" (")
        assert done.endswith("0 edits, 1 decision)")
        return said

    assert [offered(name) for name in names] == ["Continue well", "Continue other"]
    # It has none of its own: the uppermost image that has one.
    viewer.layers.selection.active = viewer.layers["well"]
    assert offered("new") == "Continue other"
    person.click_button("continue")
    assert person.shown.image is viewer.layers["other"]
    assert person.session.can_undo
    assert not person.button("continue").isVisible()


def test_results_of_a_session_in_the_users_own_folder_go_where_the_user_says(
    viewer, open_proofread, make_prediction, sessions, tmp_path
):
    kept = sessions / "well.prediction.npz"
    save_prediction(make_prediction(), kept)
    _, dock = open_proofread(viewer)
    dock.open(kept)
    asked = []
    dock.choose_folder = lambda start: asked.append(start) or tmp_path
    for _ in range(2):
        dock.act("save")
    assert asked == [Path.home()]
    assert (tmp_path / "well.corrected.npz").is_file()
    assert not list(sessions.glob("*.corrected.*"))


def offers_enabled(dock):
    return [dock.findChild(QPushButton, name).isEnabled() for name in ("continue", "open")]
