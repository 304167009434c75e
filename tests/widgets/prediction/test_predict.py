"""The Predict dock with a tiny untrained model, opened through the manifest."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
)

from napari_probinst.core.curation.edits import Delete
from napari_probinst.core.errors import ModelError
from napari_probinst.core.inference.pipeline import Predictor
from napari_probinst.core.inference.scale import misfit
from napari_probinst.core.instances import InstanceSet
from napari_probinst.widgets.elided import ElidedBox
from napari_probinst.widgets.finding import shown_predictions
from napari_probinst.widgets.prediction.folder_form import FolderForm
from napari_probinst.widgets.prediction.model_form import ModelForm
from napari_probinst.widgets.proofreading.dock import ProofreadWidget

SHAPE = (48, 64)


def find(dock, kind, name):
    return dock.findChild(kind, name)


def click(qtbot, dock, name):
    find(dock, QPushButton, name).click()


def status(dock):
    return find(dock, QLabel, "status").text()


def wait(qtbot, dock):
    qtbot.waitUntil(find(dock, QPushButton, "run").isEnabled, timeout=60_000)


def noise(seed=0):
    return np.random.default_rng(seed).integers(0, 4000, SHAPE, dtype=np.uint16)


def last_message():
    return notification_manager.records[-1].message


def test_two_layers_are_predicted_and_proofread(viewer, dock, qtbot):
    viewer.add_image(noise(0), name="A01 fluorescence", scale=(0.5, 0.5))
    bright = viewer.add_image(noise(1)[None], name="A01 bright field", scale=(1, 0.5, 0.5))
    chosen = [find(dock, QComboBox, f"channel {name}") for name in ("bright field", "fluorescence")]
    assert [box.currentText() for box in chosen] == ["A01 bright field", "A01 fluorescence"]
    assert find(dock, QSpinBox, "n_draws").value() == 2
    click(qtbot, dock, "run")
    assert not find(dock, QPushButton, "run").isEnabled()
    assert find(dock, QProgressBar, "progress").isVisibleTo(dock)
    wait(qtbot, dock)
    (shown,) = shown_predictions(viewer)
    assert [layer.name for layer in shown.layers] == [
        f"A01 bright field | {kind}" for kind in ("probability", "entropy", "instances", "peaks")
    ]
    assert shown.image == bright
    assert all(np.allclose(layer.scale, 0.5) for layer in shown.layers)
    assert shown.prediction.instances.n_draws == 2
    assert shown.instances.metadata["napari_probinst"]["prediction"] is shown.prediction
    assert shown.probability.contrast_limits == [0, 1]
    assert np.allclose(shown.entropy.contrast_limits, [0, np.log(2)])
    assert "instance" in status(dock)
    click(qtbot, dock, "open_proofread")
    assert viewer.window.dock_widgets["Proofread (napari-probinst)"].shown is shown


def test_objects_of_another_width_are_predicted_again_with_one_click(viewer, dock, qtbot):
    viewer.add_image(noise(), name="A01", scale=(0.5, 0.5), units="um")
    scale, said = find(dock, QDoubleSpinBox, "scale"), find(dock, QLabel, "expected_width")
    assert said.text() == "The model knows objects about 10 pixels wide: 5 µm in this image."
    rescale = find(dock, QPushButton, "rescale")
    click(qtbot, dock, "run")
    assert not rescale.isVisibleTo(dock)
    wait(qtbot, dock)
    (first,) = shown_predictions(viewer)
    advice = misfit(first.prediction, 10)
    assert advice is not None
    assert f"a scale of {advice.scale:g} suits them" in status(dock)
    assert rescale.isVisibleTo(dock)
    assert rescale.text() == f"Rescale by {advice.scale:g}"
    rescale.click()
    wait(qtbot, dock)
    assert status(dock).startswith(f"At scale {advice.scale:g}: ")
    assert scale.value() == 1, "the next image is seen as the user has set it"
    (second,) = shown_predictions(viewer)
    assert second.prediction.settings.scale == advice.scale
    assert second.prediction.shape == SHAPE
    scale.setValue(0.5)
    assert "20 pixels wide at scale 0.5: 10 µm in this image" in said.text()


def test_cancel_acts_within_one_draw_and_leaves_what_was_seen(viewer, dock, qtbot, monkeypatch):
    made, clicked = [], threading.Event()

    def slow_draws(_self, _channels, settings, *_others, on_tile, cache):
        for draw in range(settings.n_draws):
            made.append(draw)
            time.sleep(0.02)
            if draw > 2:
                clicked.wait(60)
            on_tile(1, 1)
            yield InstanceSet(SHAPE, ())

    monkeypatch.setattr(Predictor, "draws", slow_draws)
    viewer.add_image(noise(), name="A01")
    find(dock, QSpinBox, "n_draws").setValue(255)
    click(qtbot, dock, "run")
    qtbot.waitUntil(lambda: len(made) > 2, timeout=60_000)
    click(qtbot, dock, "cancel")
    at_cancel = len(made)
    clicked.set()
    wait(qtbot, dock)
    assert len(made) <= at_cancel + 1
    assert "Cancelled; what the first" in status(dock)
    names = [layer.name.partition(" of ")[0] for layer in viewer.layers]
    assert names == ["A01", "A01 | entropy", "A01 | instances"]
    assert not find(dock, QProgressBar, "progress").isVisibleTo(dock)


def test_what_cannot_be_predicted_is_a_sentence_and_frees_the_dock(
    viewer, dock, qtbot, monkeypatch, tmp_path
):
    def fail(*_arguments):
        raise ModelError("The model is damaged; copy it again.")

    viewer.add_image(noise(), name="A01")
    with monkeypatch.context() as patched:
        patched.setattr("napari_probinst.core.network.checkpoint.load_model", fail)
        click(qtbot, dock, "run")
        wait(qtbot, dock)
    assert status(dock) == last_message() == "The model is damaged; copy it again."
    assert not find(dock, QProgressBar, "progress").isVisibleTo(dock)

    for data, reason in ((np.full(SHAPE, np.nan), "NaN"), (np.zeros((*SHAPE, 3), np.uint8), "RGB")):
        viewer.layers.clear()
        viewer.add_image(data, name=f"odd {reason}")
        click(qtbot, dock, "run")
        wait(qtbot, dock)
        assert reason in last_message()
        assert f"'odd {reason}'" in last_message()
        assert find(dock, QPushButton, "run").isEnabled(), reason

    wrong = tmp_path / "weights.pt"
    wrong.write_bytes(b"\x80\x02}q\x00.")
    dock.add_model(wrong)
    assert "weights.pt" in last_message()


def test_folder_of_results_is_told_before_it_is_chosen(qtbot, tmp_path):
    form = FolderForm(lambda: None)
    qtbot.addWidget(form)
    results = find(form, QLineEdit, "results_folder")
    find(form, QLineEdit, "images_folder").setText(str(tmp_path))
    assert results.placeholderText() == str(form.results) == str(tmp_path / "predictions")
    find(form, QLineEdit, "images_folder").clear()
    assert results.placeholderText() == ""


def chosen(dock):
    boxes = [find(dock, QComboBox, f"channel {name}") for name in ("bright field", "fluorescence")]
    return [box.currentText() for box in boxes]


def test_channels_are_those_of_one_image_whatever_its_layers_are_called(qtbot, model):
    viewer = ViewerModel()
    form, layers = ModelForm(viewer), viewer.layers
    qtbot.addWidget(form)
    form.add_model(model)
    viewer.add_image(np.stack([noise(0), noise(1)]), name="A01", channel_axis=None)
    assert chosen(form) == ["A01, channel 1", "A01, channel 2"]
    # Names that are too long lose their middle; the tooltip has all of them.
    for box, name in zip(form.findChildren(ElidedBox), chosen(form), strict=True):
        assert box.toolTip().splitlines()[0] == name

    # Channels of two images are never paired.
    layers.clear()
    for name in ("A01_w1", "A02_w2", "A03_w1", "A03_w2", "plain", "other"):
        viewer.add_image(noise(), name=name)
    layers.selection.active = layers["A02_w2"]
    assert chosen(form) == ["A02_w2", "absent"]
    layers.selection.active = layers["A03_w1"]
    assert chosen(form) == ["A03_w2", "A03_w1"]
    layers.selection.active = layers["plain"]
    assert chosen(form) == ["plain", "absent"]
    # Of an image whose needed channel isn't there, a layer that tells no channel may be it.
    layers.selection.active = layers["A01_w1"]
    assert chosen(form) == ["plain", "A01_w1"]
    layers.remove("plain")
    layers.remove("other")
    assert chosen(form) == ["", "A01_w1"]

    # Those of one are, whatever identifiers its files have.
    layers.clear()
    names = (
        "plate_B_C07_w1_0652E7B6-2C98-4439-96B3-7EC6F2FE56C6",
        "plate_B_C07_w2_CA4146BD-9ED0-49D4-83EB-5851E5736A25",
        "plate_B_C08_w1D0B1F7C2-0A1B-4C2D-8E3F-00112233AABB",
        "plate_B_C08_w2A1B2C3D4-0A1B-4C2D-8E3F-00112233AABB",
    )
    for name in names:
        viewer.add_image(noise(), name=name)
    for first, second in (names[:2], names[2:]):
        for name in (first, second):
            layers.selection.active = layers[name]
            assert chosen(form) == [second, first]

    # A layer that was renamed is offered by its new name, and stays chosen.
    layers.clear()
    one, two = viewer.add_image(noise(0), name="one"), viewer.add_image(noise(1), name="two")
    box = find(form, QComboBox, "channel bright field")
    box.setCurrentIndex(box.findText("one"))
    box.activated.emit(box.currentIndex())
    two.name = "other"
    one.name = "bright"
    assert box.currentText() == "bright"
    assert [box.itemText(i) for i in range(box.count())] == ["bright", "other"]


def test_the_image_follows_and_corrections_are_replaced_only_when_confirmed(viewer, dock, qtbot):
    for name in ("one", "two"):
        viewer.add_image(noise(), name=name)
        assert chosen(dock)[0] == name
    viewer.layers.selection.active = viewer.layers["one"]
    click(qtbot, dock, "run")
    wait(qtbot, dock)
    assert viewer.layers.selection.active.name == "one | instances"
    assert chosen(dock)[0] == "one"
    viewer.layers.selection.active = None
    assert chosen(dock)[0] == "one"

    (first,) = shown_predictions(viewer)
    if not first.session.instances:
        pytest.fail("the untrained model was to see something here")
    first.session.apply(Delete((min(first.session.instances),)))
    questions = []
    dock.confirm = lambda question: bool(questions.append(question))
    click(qtbot, dock, "run")
    assert len(questions) == 1
    assert list(shown_predictions(viewer)) == [first]
    dock.confirm = lambda _question: True
    click(qtbot, dock, "run")
    wait(qtbot, dock)
    (second,) = shown_predictions(viewer)
    assert second is not first
    assert sum(layer.name.startswith("one |") for layer in viewer.layers) == 4

    # Proofread was opened as the menu does it, under another title: there is no second dock.
    made = ProofreadWidget(viewer)
    viewer.window.add_dock_widget(made, name="Proofread (Probabilistic Instances)")
    click(qtbot, dock, "open_proofread")
    docks = [
        each for each in viewer.window.dock_widgets.values() if isinstance(each, ProofreadWidget)
    ]
    assert docks == [made]
    assert dock.proofread is made
    viewer.layers.selection.active = viewer.layers["two"]
    assert chosen(dock)[0] == "two"
