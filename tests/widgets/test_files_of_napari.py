"""Our files opened and saved by napari itself, and our commands in its palette."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from napari.layers._layer_actions import _duplicate_layer
from napari.utils.notifications import notification_manager
from qtpy.QtGui import QAction
from tifffile import imread

from napari_probinst.core.curation.export import FORMATS
from napari_probinst.core.curation.exported_session import flatten_corrected
from napari_probinst.core.curation.session_folder import open_session
from napari_probinst.core.data.masks import read_instances
from napari_probinst.core.data.prediction_file import save_prediction
from napari_probinst.core.errors import InputError, OutputError
from napari_probinst.widgets.finding import shown_predictions
from napari_probinst.widgets.open_dock import opened_dock
from napari_probinst.widgets.proofreading import exporting
from napari_probinst.widgets.proofreading.dock import ProofreadWidget
from napari_probinst.widgets.proofreading.key_table import ACTIONS


def run(command):
    from napari._app_model import get_app_model

    get_app_model().commands.execute_command(f"napari-probinst.{command}").result()


@pytest.mark.parametrize("folder", [False, True])
def test_predictions_open_in_the_dock(viewer, make_prediction, tmp_path, qtbot, folder):
    path = tmp_path / "well.prediction.npz"
    save_prediction(make_prediction(), path)
    viewer.open(str(tmp_path if folder else path), plugin="napari-probinst")
    dock = opened_dock(viewer, ProofreadWidget)
    qtbot.waitUntil(lambda: dock.shown is not None, timeout=20000)
    assert [shown.title for shown in shown_predictions(viewer)] == ["well"]


def test_instances_are_saved_with_their_overlaps_and_opened_again(person, tmp_path):
    path = str(tmp_path / "well.instances.tif")
    person.shown.instances.save(path)
    saved = read_instances(tmp_path / "well.instances.tif")
    masks = {mask.full(person.session.shape).tobytes() for mask in saved.instances}
    current = person.session.instances.values()
    assert masks == {mask.full(person.session.shape).tobytes() for mask in current}
    labels, overlaps = person.viewer.open(path, plugin="napari-probinst")
    assert len(np.unique(labels.data)) == len(current) + 1
    assert np.array_equal(overlaps.data > 0, saved.cover() > 1)


@pytest.mark.parametrize("suffix", [".tif", ".npz"])
def test_other_files_of_napari_hold_ids_alone(person, tmp_path, suffix):
    path = tmp_path / f"well{suffix}"
    assert person.shown.instances.save(str(path))
    saved = imread(path) if suffix == ".tif" else np.load(path)["arr_0"]
    labels, n_overlap = flatten_corrected(person.session)
    assert n_overlap > 0
    assert np.array_equal(saved, labels)
    said = notification_manager.records[-1].message
    assert said.startswith(f"{n_overlap} pixels of several")
    assert ".instances.tif" in said


def test_our_own_file_needs_no_warning(person, tmp_path):
    before = len(notification_manager.records)
    person.shown.instances.save(str(tmp_path / "well.instances.tif"))
    assert len(notification_manager.records) == before


def test_a_duplicate_holds_ids_alone(person):
    person.viewer.layers.selection = {person.shown.instances}
    _duplicate_layer(person.viewer.layers)
    duplicate = person.viewer.layers[f"{person.shown.instances.name} copy"]
    assert np.array_equal(duplicate.data, flatten_corrected(person.session)[0])


def test_the_place_follows_the_image(person):
    person.shown.image.scale = (2, 3)
    person.shown.image.translate = (5, 7)
    marks = [layer for layer in person.viewer.layers if layer.name.startswith("well | ")]
    assert len(marks) >= 5
    assert all(tuple(layer.scale) == (2, 3) for layer in person.viewer.layers)
    assert all(tuple(layer.translate) == (5, 7) for layer in person.viewer.layers)


def test_commands_act_on_the_open_dock(person):
    before = person.session.position
    run("next_place")
    assert person.session.position != before
    run("accept")
    assert person.session.can_undo
    run("undo")
    assert not person.session.can_undo


def test_the_command_exports_what_is_corrected(person, tmp_path):
    asked = []

    def choose(start):
        asked.append(start.name)
        return ("labels", tmp_path / "mine")

    person.dock.choose_export = choose
    run("export")
    assert asked == ["well"]
    labels, n_overlap = flatten_corrected(person.session)
    assert np.array_equal(imread(tmp_path / "mine.labels.tif"), labels)
    assert f"{n_overlap} overlap pixels lost" in notification_manager.records[-1].message
    run("export")
    assert "there already" in notification_manager.records[-1].message
    person.dock.choose_export = lambda _: ("stack", tmp_path / "mine.tif")
    person.dock.findChild(QAction, "entry_export").trigger()
    assert len(read_instances(tmp_path / "mine.tif").instances) == len(person.session.instances)
    assert f"{n_overlap} overlap pixels kept" in notification_manager.records[-1].message


def test_the_dialog_offers_every_format(qtbot, monkeypatch):
    offered = []

    def dialog(parent, title, start, kinds):
        offered.extend(kinds.split(";;"))
        return "/somewhere/well", offered[-1]

    monkeypatch.setattr(exporting.QFileDialog, "getSaveFileName", dialog)
    assert exporting.ask_export(None, Path("well")) == ("csv", Path("/somewhere/well"))
    assert len(offered) == len(FORMATS)


def test_every_action_is_a_command(person):
    actions, done = person.dock._actions, []
    assert actions.keys() >= ACTIONS.keys()
    actions.update((name, partial(done.append, name)) for name in list(actions))
    for action in ACTIONS:
        run({"next": "next_place", "previous": "previous_place"}.get(action, action))
    assert done == list(ACTIONS)


@pytest.mark.parametrize("command", ["jump", "isolate", "uncertainty", "undo", "merge", "export"])
def test_commands_say_that_there_is_no_prediction(viewer, open_proofread, command):
    open_proofread(viewer)
    run(command)
    assert "There is no prediction" in notification_manager.records[-1].message


def test_commands_of_writers_need_no_file(person):
    asked = []
    person.dock.choose_export = lambda start: asked.append(start.name)
    run("write_stack")
    assert asked == ["well"]
    run("write_session")
    assert "Save Selected Layers" in notification_manager.records[-1].message


def test_a_session_is_saved_as_a_copy_of_its_own(person, tmp_path):
    person.dock.act("accept")
    person.dock.act("delete")
    assert person.shown.instances.save(str(tmp_path / "copy.probinst"))
    person.dock.act("undo")
    with open_session(tmp_path / "copy.probinst") as copy:
        assert copy.session.steps == (*person.session.steps, person.session.redo_step)
        copy.session.undo()
        assert copy.session.instances.keys() == person.session.instances.keys()
    plain = person.viewer.add_labels(np.ones((4, 4), int), name="plain")
    with pytest.raises(InputError, match="no layer of instances"):
        plain.save(str(tmp_path / "plain.probinst"))
    with pytest.raises(OutputError, match="exists already"):
        person.shown.instances.save(str(tmp_path / "copy.probinst"))


def test_commands_say_that_no_dock_is_open(viewer):
    run("merge")
    assert "Proofread isn't open" in notification_manager.records[-1].message
