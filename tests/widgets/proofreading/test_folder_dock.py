"""The Proofread dock over a folder: one image at a time, nothing lost, and back where one was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tifffile
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAction, QCheckBox, QComboBox

from napari_probinst.core.curation.session_folder import open_session
from napari_probinst.core.data.checksum import image_checksum
from napari_probinst.core.data.image_folders import record_image_folders
from napari_probinst.core.data.prediction_file import load_prediction, save_prediction
from napari_probinst.core.prediction import Provenance
from napari_probinst.widgets.prediction.channels import pixel_size
from napari_probinst.widgets.proofreading.folder_opening import FolderOpener

ON_LEFT = (10, 20)
SHIFT_CONTROL = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


def messages():
    return [record.message for record in notification_manager.records]


@pytest.fixture
def folder(tmp_path, make_prediction):
    """Images A, B (a session alone) and C, whose draws agree; D is damaged, B has no file."""
    prediction = make_prediction()
    for name in "AC":
        made = make_prediction(name, certain=name == "C")
        save_prediction(made, tmp_path / f"{name}.prediction.npz")
        tifffile.imwrite(tmp_path / f"{name}.tif", np.zeros(prediction.shape, np.uint8))
    save_prediction(make_prediction("B"), tmp_path / "B.prediction.npz")
    (tmp_path / "D.prediction.npz").write_bytes(b"no archive")
    return tmp_path


@pytest.fixture
def open_folder(viewer, as_person, qtbot):
    def opened(path):
        person = as_person(viewer)
        person.dock.open(path)
        qtbot.waitUntil(lambda: person.dock.shown is not None, timeout=60_000)
        person.dock.findChild(QCheckBox, "hide_jitter").setChecked(False)
        return person

    return opened


def accept_until(person, reached):
    """Accept place after place; no image has more than six."""
    for _ in range(12):
        if reached():
            return
        person.press(Qt.Key_K)
    raise AssertionError("the end was not reached")


def names(viewer):
    return {layer.name for layer in viewer.layers if "|" not in layer.name}


def test_folder_is_walked_image_by_image(folder, viewer, open_folder):
    person = open_folder(folder)
    n_peaks = len(person.session.peaks)
    assert any("D can't be reviewed" in each for each in messages())
    assert any("1 of 3 images were not found (B)" in each for each in messages())
    assert person.shown.title == "A"
    assert person.shown.image is viewer.layers["A"]
    assert person.text("folder").startswith("Image 1 of 3: A · 1 done")
    assert "1 image unusable" in person.text("listed")

    # An edit, then Next to the end of the image: the next image comes, the former one goes.
    person.show_all()
    person.click(*ON_LEFT)
    person.click_button("delete")
    first = person.shown
    accept_until(person, lambda: person.shown is not first)
    assert person.shown.title == "B"
    assert person.shown.image is None
    assert names(viewer) == set()
    assert not any(layer.name.startswith("A") for layer in viewer.layers)
    assert first.kept.closed
    with open_session(folder / "A.probinst") as written:
        assert written.session.statistics().open == 0
    assert not (folder / "B.probinst").exists()

    # Whose results are saved is said: those of one image.
    person.click_button("save")
    assert "Saved B " in person.text("saved")
    assert not list(folder.glob("A.corrected.*"))

    # Back across images, and there again: the corrections are taken up, undo included.
    person.press(Qt.Key_N, Qt.KeyboardModifier.ShiftModifier)
    assert person.shown.title == "A"
    assert person.session.position is not None
    assert names(viewer) == {"A"}
    assert person.session.can_undo
    combo = person.dock.findChild(QComboBox, "predictions")
    assert [combo.itemText(i) for i in range(combo.count())] == [
        "A (done)",
        f"B ({n_peaks} open, no image)",
        "C (done)",
        "D (unusable)",
    ]
    combo.activated.emit(combo.setCurrentIndex(2) or 2)
    assert person.shown.title == "C"
    assert person.text("position") == "0 of 0"


def test_folder_is_opened_again_where_it_was_left(folder, viewer, open_folder):
    person = open_folder(folder)
    person.press(Qt.Key_K)
    person.dock._choose(1)
    person.press(Qt.Key_N)
    assert (person.shown.title, person.session.position) == ("B", 1)
    viewer.window.remove_dock_widget(person.dock)
    viewer.layers.clear()
    person = open_folder(folder)
    assert (person.shown.title, person.session.position) == ("B", 1)
    assert person.text("statistics").startswith("1 reviewed: ")

    # The end of the queue tells of all images; a single prediction ends the folder's review.
    accept_until(person, lambda: person.text("finished") != "")
    assert person.text("summary").startswith("3 of 3 images done")
    person.dock.open(folder / "C.prediction.npz")
    assert person.shown.title == "C"
    assert not person.dock.findChild(QAction, "images").isEnabled()


def test_file_that_breaks_meanwhile_is_passed_over(folder, viewer, open_folder):
    person = open_folder(folder)
    person.dock._order("score")
    assert person.text("position").endswith(f"of {2 * len(person.session.peaks)}")
    (folder / "B.prediction.npz").write_bytes(b"no archive")
    accept_until(person, lambda: person.text("finished") != "")
    assert person.shown.title == "A"
    assert any("B is passed over" in each for each in messages())
    assert "2 of 2 images done" in person.text("summary")


def test_images_lie_in_micrometres_and_are_found_where_they_were_predicted(
    folder, viewer, open_folder
):
    prediction = load_prediction(folder / "A.prediction.npz")
    channels = np.zeros((2, *prediction.shape), np.uint8)
    provenance = Provenance(image_checksum=image_checksum(channels))
    made = replace(prediction, pixel_size=(0.5, 0.25), provenance=provenance)
    save_prediction(made, folder / "A.prediction.npz")
    tifffile.imwrite(
        folder / "A.tif",
        channels,
        metadata={"axes": "CYX"},
        photometric="minisblack",
        resolution=(40_000, 20_000),
        resolutionunit="CENTIMETER",
    )
    person = open_folder(folder)
    layers = [viewer.layers["A"], *person.shown.layers]
    assert {pixel_size(layer) for layer in layers} == {(0.5, 0.25)}

    results, images = folder / "a" / "results", folder / "b" / "images"
    for each in (results, images):
        each.mkdir(parents=True)
    (folder / "A.prediction.npz").rename(results / "A.prediction.npz")
    (folder / "A.tif").rename(images / "A.tif")
    record_image_folders(results, [images])
    viewer.window.remove_dock_widget(person.dock)
    viewer.layers.clear()
    notification_manager.records.clear()
    person = open_folder(results)
    assert person.shown.image is viewer.layers["A"]
    assert not any("not found" in each for each in messages())


def test_another_folder_has_no_places_of_the_one_before(folder, viewer, open_folder, qtbot):
    person = open_folder(folder)
    person.press(Qt.Key_N)
    other = folder / "other"
    other.mkdir()
    made = load_prediction(folder / "A.prediction.npz")
    save_prediction(replace(made, peaks=made.peaks[:1]), other / "A.prediction.npz")
    save_prediction(load_prediction(folder / "B.prediction.npz"), other / "B.prediction.npz")
    person.dock.open(other)
    qtbot.waitUntil(lambda: person.dock._walk.folder == other, timeout=60_000)
    assert person.dock.queue._visited == set()
    person.press(Qt.Key_N)
    assert {name for name, _ in person.dock.queue._visited} == {"A"}


def test_a_folder_that_was_given_up_says_nothing(folder, tmp_path, qtbot):
    other = tmp_path / "other"
    other.mkdir()
    save_prediction(load_prediction(folder / "A.prediction.npz"), other / "A.prediction.npz")
    said, found = [], []
    opener = FolderOpener(
        lambda *counts: said.append(counts), lambda path, _reviews: found.append(path)
    )
    opener.start(folder)  # of four images
    given_up = opener._worker
    opener.start(other)
    given_up.yielded.emit((2, 4))
    qtbot.waitUntil(lambda: found == [other], timeout=60_000)
    assert said == [(0, 1), (1, 1)]


def test_undo_goes_back_to_the_image_of_the_last_step(folder, viewer, open_folder):
    person = open_folder(folder)
    accept_until(person, lambda: person.shown.title == "B")
    last = len(person.session.peaks) - 1
    assert not person.session.can_undo
    undo = person.button("undo")
    assert undo.isEnabled()
    assert undo.toolTip() == "Take back: the last step, in image A"
    person.press(Qt.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert person.shown.title == "A"
    assert (person.session.position, person.session.status(last)) == (last, "open")
    person.press(Qt.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert person.session.status(last - 1) == "open"
    assert person.session.position == last  # within an image undo moves nobody
    # Redo goes the same way, and on to the other image if that is where the step was.
    for _ in range(2):
        person.press(Qt.Key_Z, SHIFT_CONTROL)
    assert {person.session.status(peak) for peak in range(last + 1)} == {"accepted"}
    person.press(Qt.Key_N)
    assert person.shown.title == "B"
    person.press(Qt.Key_K)
    person.press(Qt.Key_N, Qt.KeyboardModifier.ShiftModifier)
    person.press(Qt.Key_N, Qt.KeyboardModifier.ShiftModifier)
    assert person.shown.title == "A"
    person.press(Qt.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert (person.shown.title, person.session.status(0)) == ("B", "open")
