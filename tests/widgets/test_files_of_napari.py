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


def test_predictions_open_in_the_dock(viewer, make_prediction, tmp_path, qtbot):
    path = tmp_path / "well.prediction.npz"
    save_prediction(make_prediction(), path)
    for opened in (path, tmp_path):
        viewer.open(str(opened), plugin="napari-probinst")
        dock = opened_dock(viewer, ProofreadWidget)
        qtbot.waitUntil(lambda dock=dock: dock.shown is not None, timeout=20000)
        assert [shown.title for shown in shown_predictions(viewer)] == ["well"], opened
        viewer.window.remove_dock_widget(dock)
        viewer.layers.clear()


def test_instances_are_saved_with_their_overlaps_and_elsewhere_as_ids_alone(person, tmp_path):
    shown, layers = person.shown, person.viewer.layers
    path = tmp_path / "well.instances.tif"
    before = len(notification_manager.records)
    shown.instances.save(str(path))
    assert len(notification_manager.records) == before, "our own file needs no warning"
    saved = read_instances(path)
    masks = {mask.full(person.session.shape).tobytes() for mask in saved.instances}
    current = person.session.instances.values()
    assert masks == {mask.full(person.session.shape).tobytes() for mask in current}

    flat, n_overlap = flatten_corrected(person.session)
    assert n_overlap > 0
    for suffix in (".tif", ".npz"):
        notification_manager.records.clear()
        other = tmp_path / f"well{suffix}"
        assert shown.instances.save(str(other))
        pixels = imread(other) if suffix == ".tif" else np.load(other)["arr_0"]
        assert np.array_equal(pixels, flat), suffix
        said = notification_manager.records[-1].message
        assert said.startswith(f"{n_overlap} pixels of several"), suffix
        assert ".instances.tif" in said, suffix

    layers.selection = {shown.instances}
    _duplicate_layer(layers)
    assert np.array_equal(layers[f"{shown.instances.name} copy"].data, flat)
    layers.remove(f"{shown.instances.name} copy")

    # The place of all that is shown follows the image.
    shown.image.scale = (2, 3)
    shown.image.translate = (5, 7)
    assert sum(layer.name.startswith("well | ") for layer in layers) >= 5
    assert all(tuple(layer.scale) == (2, 3) for layer in layers)
    assert all(tuple(layer.translate) == (5, 7) for layer in layers)

    labels, overlaps = person.viewer.open(str(path), plugin="napari-probinst")
    assert len(np.unique(labels.data)) == len(current) + 1
    assert np.array_equal(overlaps.data > 0, saved.cover() > 1)


def test_every_action_is_a_command_that_acts_on_the_open_dock(person, tmp_path):
    before = person.session.position
    run("next_place")
    assert person.session.position != before
    run("accept")
    assert person.session.can_undo
    run("undo")
    assert not person.session.can_undo

    asked = []
    person.dock.choose_export = lambda start: asked.append(start.name)
    run("write_stack")
    assert asked == ["well"], "the commands of writers need no file"
    run("write_session")
    assert "Save Selected Layers" in notification_manager.records[-1].message

    asked.clear()

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

    actions, done = person.dock._actions, []
    assert actions.keys() >= ACTIONS.keys()
    actions.update((name, partial(done.append, name)) for name in list(actions))
    for action in ACTIONS:
        run({"next": "next_place", "previous": "previous_place"}.get(action, action))
    assert done == list(ACTIONS)


def test_the_dialog_offers_every_format(qtbot, monkeypatch):
    offered = []

    def dialog(parent, title, start, kinds):
        offered.extend(kinds.split(";;"))
        return "/somewhere/well", offered[-1]

    monkeypatch.setattr(exporting.QFileDialog, "getSaveFileName", dialog)
    assert exporting.ask_export(None, Path("well")) == ("csv", Path("/somewhere/well"))
    assert len(offered) == len(FORMATS)


def test_commands_say_that_no_dock_is_open_or_that_there_is_no_prediction(viewer, open_proofread):
    run("merge")
    assert "Proofread isn't open" in notification_manager.records[-1].message
    open_proofread(viewer)
    for command in ("jump", "isolate", "uncertainty", "undo", "merge", "export"):
        notification_manager.records.clear()
        run(command)
        said = [record.message for record in notification_manager.records]
        assert said, command
        assert "There is no prediction" in said[-1], command


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
