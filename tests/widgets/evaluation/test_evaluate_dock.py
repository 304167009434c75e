"""The Evaluate dock on a hand-made prediction whose scores can be counted.

The prediction sees four bars. In truth LEFT and RIGHT are one: two hits of three true and four
predicted instances, DSB 2 / (2 + 2 + 1) = 0.4 at every threshold, and one false split.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest
import tifffile
from napari.layers import Layer
from napari.utils.notifications import notification_manager
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QComboBox, QLabel, QPushButton, QTableWidget

from napari_probinst.core.curation.edits import Merge
from napari_probinst.core.curation.session_folder import create_session
from napari_probinst.core.data.prediction_file import save_prediction
from napari_probinst.core.errors import InputError
from napari_probinst.core.evaluation.report_tables import Table
from napari_probinst.widgets.evaluation import dock as evaluate_module
from napari_probinst.widgets.evaluation.evaluation import (
    CORRECTED,
    PREDICTED,
    Curated,
    EvaluationTask,
    evaluate_in_steps,
)
from napari_probinst.widgets.evaluation.figure_view import FigureView
from napari_probinst.widgets.evaluation.table_view import TableView
from napari_probinst.widgets.finding import METADATA_KEY
from napari_probinst.widgets.truth import LayerTruth

SHAPE = (64, 96)
#: y0, x0, y1, x1: LEFT and RIGHT as one, ACROSS, DOWN.
TRUE_BARS = ((6, 8, 16, 72), (36, 40, 44, 88), (26, 60, 56, 68))
PATIENCE = 300_000


def masks():
    planes = np.zeros((len(TRUE_BARS), *SHAPE), dtype=np.uint8)
    for plane, (y0, x0, y1, x1) in zip(planes, TRUE_BARS, strict=True):
        plane[y0:y1, x0:x1] = 1
    return planes


@pytest.fixture
def truth(tmp_path):
    """Stack of masks with a name that says nothing."""
    path = tmp_path / "drawn by hand.tif"
    tifffile.imwrite(path, masks(), photometric="minisblack")
    return path


def evaluated(predicted, truth):
    """Run the steps as the thread does."""
    steps = evaluate_in_steps(EvaluationTask(predicted, truth))
    said = []
    while True:
        try:
            said.append(next(steps))
        except StopIteration as stop:
            assert said[0] == "Reading…"
            return stop.value


def find(dock, kind, name):
    return dock.findChild(kind, name)


def click(dock, name):
    find(dock, QPushButton, name).click()


def status(dock):
    return find(dock, QLabel, "status").text()


def rows(dock, name):
    table = find(dock, QTableWidget, name)
    return {
        table.item(row, 0).text(): [
            table.item(row, column).text() for column in range(1, table.columnCount())
        ]
        for row in range(table.rowCount())
    }


def wait(qtbot, dock):
    qtbot.waitUntil(lambda: not dock.running, timeout=PATIENCE)
    qtbot.wait(50)


# Without a window ---------------------------------------------------------------------------


def test_a_results_folder_with_a_session_is_scored_before_and_after(
    tmp_path, make_prediction, truth
):
    prediction = make_prediction("well")
    save_prediction(prediction, tmp_path / "well.prediction.npz")
    uncorrected = evaluated(tmp_path, truth)
    assert list(uncorrected.scores) == [PREDICTED]
    with create_session(prediction, tmp_path / "well.probinst") as opened:
        opened.session.apply(Merge((1, 2)))
    for source in (tmp_path, tmp_path / "well.probinst"):
        result = evaluated(source, truth)
        before, after = result.scores[PREDICTED], result.scores[CORRECTED]
        assert before.headline()["dsb_image"] == pytest.approx(0.4)
        assert after.headline()["dsb_image"] == 1
        assert (before.scores.errors.false_splits, after.scores.errors.false_splits) == (1, 0)
        assert before.uncertainty is not None
        assert after.uncertainty is None
        assert set(result.figures[PREDICTED]) >= {"samples", "thresholds", "uncertainty"}


def test_layers_that_are_no_truth_of_the_image_are_refused(make_prediction):
    prediction = make_prediction()
    curated = Curated(prediction, {})
    for labels, reason in (
        (np.zeros((64, 95), int), "64 x 95 pixels, but the prediction is 64 x 96"),
        (np.arange(2 * 64 * 96).reshape(2, 64, 96), "several labels on plane 0"),
        (np.zeros(SHAPE, int), "truth holds no instance"),
    ):
        with pytest.raises(InputError, match=reason):
            evaluated(curated, LayerTruth("drawn", labels))


def test_a_truth_of_one_value_for_many_objects_is_doubted(make_prediction):
    prediction, labels = make_prediction(), masks().max(axis=0)
    # ACROSS and DOWN cross, and are one piece.
    mask = LayerTruth("drawn", labels * 255)
    doubt = evaluated(Curated(prediction, {}), mask).doubt
    assert doubt.startswith("The labels of 1 image in layer drawn (well) hold one value only")
    assert evaluated(Curated(prediction, {}), LayerTruth("drawn", masks())).doubt == ""


# In a window --------------------------------------------------------------------------------


@pytest.fixture
def shown(viewer, put, make_prediction):
    return put(viewer, make_prediction())


@pytest.fixture
def opened(monkeypatch):
    """Pages that the dock opens, instead of a browser."""
    pages = []
    monkeypatch.setattr(evaluate_module.QDesktopServices, "openUrl", pages.append)
    return pages


@pytest.mark.timeout(900)
def test_prediction_and_its_corrections_against_a_layer(viewer, shown, opened, qtbot, tmp_path):
    _, dock = viewer.window.add_plugin_dock_widget("napari-probinst", "Evaluate")
    assert find(dock, QComboBox, "predicted").currentText() == "well (viewer)"
    assert not find(dock, QPushButton, "run").isEnabled()
    layer = viewer.add_labels(masks(), name="drawn")
    layer.name = "truth"
    assert find(dock, QComboBox, "truth").currentText() == "truth (layer)"
    click(dock, "run")
    assert find(dock, QPushButton, "cancel").isEnabled()
    wait(qtbot, dock)
    assert status(dock) == "1 image, 3 true and 4 predicted instances."
    summary = rows(dock, "summary")
    assert summary["DSB, mean over images"][0] == "0.400"
    assert summary["precision, mean over IoU"][0] == "0.500"
    assert summary["recall at IoU 0.8"][0] == "0.667"
    assert summary["false splits"][0] == "1"
    assert summary["false merges"][0] == "0"
    assert "p(accurate | certain)" in rows(dock, "Uncertainty 1")
    assert rows(dock, "By IoU threshold 1")["0.50"][:3] == ["2", "2", "1"]

    shown.session.apply(Merge((1, 2)))
    click(dock, "run")
    wait(qtbot, dock)
    summary = rows(dock, "summary")
    assert summary["DSB, mean over images"] == ["0.400", "1.000", "+0.600"]
    assert summary["false splits"] == ["1", "0", "-1"]
    box = find(dock, QComboBox, "state")
    box.setCurrentIndex(1)
    box.activated.emit(1)
    qtbot.wait(50)
    assert rows(dock, "By IoU threshold 1")["0.95"][:3] == ["3", "0", "0"]
    assert find(dock, QTableWidget, "Uncertainty 1") is None
    figure = find(dock, FigureView, "figure thresholds")
    dialog = figure.enlarge()
    assert dialog.isVisible()
    dialog.close()

    dock.choose_folder = lambda: tmp_path / "report"
    click(dock, "write")
    wait(qtbot, dock)
    assert dock.page == tmp_path / "report" / "corrected" / "report.html"
    assert opened[0].toLocalFile() == str(dock.page)
    content = json.loads((tmp_path / "report" / "predicted" / "report.json").read_text())
    assert content["dsb_image"] == pytest.approx(0.4)

    dock.choose_predicted(tmp_path / "nowhere")
    click(dock, "run")
    wait(qtbot, dock)
    assert "doesn't exist" in status(dock) == notification_manager.records[-1].message
    # Earlier scores stay.
    assert rows(dock, "summary")["false splits"] == ["1", "0", "-1"]
    viewer.layers.remove(layer)
    assert not find(dock, QPushButton, "run").isEnabled()


def test_a_doubtful_truth_is_a_warning(viewer, shown, qtbot):
    _, dock = viewer.window.add_plugin_dock_widget("napari-probinst", "Evaluate")
    viewer.add_labels(masks().max(axis=0) * 255, name="mask")
    click(dock, "run")
    wait(qtbot, dock)
    warning = notification_manager.records[-1]
    assert "hold one value only" in warning.message
    assert warning.severity == "warning"


def test_a_cancelled_evaluation_says_so_and_another_one_may_run(viewer, shown, qtbot, monkeypatch):
    going_on = threading.Event()

    def steps(_task):
        yield "Reading…"
        going_on.wait(60)
        yield "Scoring…"

    monkeypatch.setattr(evaluate_module, "evaluate_in_steps", steps)
    _, dock = viewer.window.add_plugin_dock_widget("napari-probinst", "Evaluate")
    viewer.add_labels(masks(), name="drawn")
    click(dock, "run")
    qtbot.waitUntil(lambda: status(dock) == "Reading…", timeout=PATIENCE)
    click(dock, "cancel")
    assert status(dock) == "Cancelling…"
    going_on.set()
    wait(qtbot, dock)
    assert status(dock).startswith("Cancelled;")
    assert find(dock, QPushButton, "run").isEnabled()


def test_an_evaluation_ends_with_its_window(viewer, shown, qtbot, monkeypatch):
    going_on = threading.Event()

    def steps(_task):
        yield "Reading…"
        going_on.wait(60)
        yield "Scoring…"

    monkeypatch.setattr(evaluate_module, "evaluate_in_steps", steps)
    dock = evaluate_module.EvaluateWidget(viewer)
    viewer.add_labels(masks(), name="drawn")
    dock.run()
    qtbot.waitUntil(lambda: status(dock) == "Reading…", timeout=30_000)
    worker = dock._worker
    with qtbot.waitSignal(dock.destroyed):
        dock.deleteLater()
    assert worker.abort_requested
    with qtbot.waitSignal(worker.finished, timeout=30_000):
        going_on.set()


def test_results_are_no_truth_but_their_duplicates_are(viewer, shown):
    _, dock = viewer.window.add_plugin_dock_widget("napari-probinst", "Evaluate")
    box = find(dock, QComboBox, "truth")
    # What the draws of an image that is being predicted say.
    viewer.add_labels(masks()[0], metadata={METADATA_KEY: {"shown": None}})
    assert box.count() == 0
    data, state, kind = shown.instances.as_layer_data_tuple()
    copy = Layer.create(np.asarray(data), {**state, "name": "by hand"}, kind)
    viewer.add_layer(copy)
    assert box.currentText() == "by hand (layer)"
    dock.choose_truth(Path("masks"))
    copy.name = "again"
    assert (box.count(), box.currentText()) == (2, "masks")
    viewer.layers.remove(copy)
    assert (box.count(), box.currentText()) == (1, "masks")


def test_selected_cells_are_copied_as_a_table(qtbot):
    view = TableView(Table(("score", "value"), (("DSB", "0.4"), ("recall", "0.7"))), "scores")
    qtbot.addWidget(view)
    view.selectAll()
    qtbot.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "DSB\t0.4\nrecall\t0.7"
